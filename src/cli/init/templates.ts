import type { Words } from '../words/index.js';
import type { Answers } from './answers.js';

/** The files that are more than settings. What users read is Chinese, as the users of WeChat are. */

type Say = Words['init']['files'];

export const rulesFile = (say: Say) => `# ${say.rules}
timeZone: Asia/Shanghai

rules:
  - name: 新关注
    when: { event: subscribe }
    answer: 欢迎关注！回复“帮助”看看能做什么。
  - name: 帮助
    when: { keyword: [帮助, help] }
    answer: 回复“营业时间”看我们几点开门，回复“人工”找客服。
  - name: 营业时间
    when: { keyword: [营业时间, 几点开门] }
    answer: 周一至周五 9:00–18:00
  - name: 转人工
    when: { keyword: { contains: [人工, 客服] } }
    answer: [正在转接，请稍候。, { handOver: "用户说：{{content}}" }]

default: 没听懂，回复“帮助”看看能做什么。
`;

export const codeFile = (say: Say) => `// ${say.code}
import { createRouter } from 'wechat-outbox';

export const replies = createRouter()
  .subscribe(() => '欢迎关注！')
  .text('帮助', () => '回复“订单 123456”查询订单。')
  .text(/^订单\\s*(\\d{6,})$/, async (_context, [, order]) => \`订单 \${order}：已发货\`)
  .otherwise(() => undefined);
`;

export const modelFile = ({ repliesUrl }: Answers, say: Say) => `# ${say.model}
baseUrl: ${repliesUrl}
model: deepseek-chat
apiKey: { env: MODEL_API_KEY }

system: 你是公众号的客服，用简短的中文回答。不知道的就说不知道。
maxOutputTokens: 1500

memory: { turns: 20, tokens: 3000, summary: true }
resetWords: [忘记我]
continueWords: [继续]

timeout: 45s
apology: 抱歉，我现在答不上来，请稍后再试。

budget:
  user: { messages: 50, tokens: 100000 }
  notice: 今天聊得够多了，明天再来吧。
`;

const postgres = (isOpen: boolean) => `  postgres:
    image: postgres:18-alpine
    environment:
      POSTGRES_USER: wechat
      POSTGRES_PASSWORD: \${POSTGRES_PASSWORD:?}
      POSTGRES_DB: wechat
${isOpen ? '    ports:\n      - "127.0.0.1:5432:5432"\n' : ''}    volumes:
      - postgres:/var/lib/postgresql
    healthcheck:
      test: ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "wechat"]
      interval: 2s
      timeout: 3s
      retries: 30
    restart: unless-stopped

`;

export interface ComposeOptions {
  /** Of this package. */
  version: string;
  /** Files beside it that the service reads. */
  mounted: readonly string[];
  /** Of the AppSecret, as a variable. */
  secretName: string;
  say: Say;
}

export function composeFile(
  { database, secret }: Answers,
  { version, mounted, secretName, say }: ComposeOptions,
): string {
  const hasOwn = database !== 'url';
  const keptOutside = secret === 'environment' ? `      ${secretName}: \${${secretName}:?}\n` : '';
  const ofDatabase = `      DATABASE_URL: postgres://wechat@postgres:5432/wechat
      DATABASE_PASSWORD: \${POSTGRES_PASSWORD:?}
`;
  return `# ${say.compose}
services:
${hasOwn ? postgres(database === 'compose') : ''}  service:
    build:
      context: .
      dockerfile_inline: |
        FROM node:24-bookworm-slim
        ENV NODE_ENV=production ADMIN_HOST=0.0.0.0
        WORKDIR /app
        RUN npm install --omit=optional wechat-outbox@${version}
        USER node
        ENTRYPOINT ["node", "node_modules/wechat-outbox/dist/cli/main.js"]
        CMD ["start"]
    env_file: .env
    environment:
${hasOwn ? ofDatabase : ''}${keptOutside}      PORT: 3000
      HOST: 0.0.0.0
      ADMIN_PORT: 3001
      ADMIN_HOST: 0.0.0.0
${mounted.length === 0 ? '' : `    volumes:\n${mounted.map((file) => `      - ./${file}:/app/${file}:ro\n`).join('')}`}    ports:
      - "\${PORT:-3000}:3000"
      - "127.0.0.1:\${ADMIN_PORT:-3001}:3001"
${hasOwn ? '    depends_on:\n      postgres:\n        condition: service_healthy\n' : ''}    healthcheck:
      test: ["CMD", "node", "-e", "fetch('http://127.0.0.1:3001/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
      interval: 10s
      timeout: 5s
      start_period: 30s
    stop_grace_period: 35s
    restart: unless-stopped
${hasOwn ? '\nvolumes:\n  postgres:\n' : ''}`;
}
