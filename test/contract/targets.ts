import { onTestFinished, type TestContext } from 'vitest';
import {
  type AppCredentials,
  createClient,
  type SendOutcome,
  type WeChatClient,
} from '../../src/wechat/out/client.js';
import { newAccount, startTestSimulator } from '../support/service.js';

/** What stands behind the API: our simulator, or WeChat itself. */
export interface Target {
  name: 'simulator' | 'sandbox';
  setUp(): Promise<Scene>;
}

export interface Scene {
  account: AppCredentials;
  client: WeChatClient;
  token: string;
  /** A user who may be written to. */
  openid: string;
}

const { WECHAT_SANDBOX_APP_ID, WECHAT_SANDBOX_SECRET, WECHAT_SANDBOX_OPENID, WECHAT_SANDBOX_API_BASE } =
  process.env;

const simulator: Target = {
  name: 'simulator',
  async setUp() {
    const account = newAccount();
    const started = await startTestSimulator(account);
    onTestFinished(() => started.close());
    // Nobody takes the push; it opens the window all the same.
    started.setWebhookUrl('http://127.0.0.1:9/');
    await started.user('oAnna').say('hello');
    return sceneOf(account, started.apiBase, 'oAnna');
  },
};

/** A sandbox account (接口测试号), and a follower of it who wrote to it within two days: a message allows five answers. */
const sandbox: Target = {
  name: 'sandbox',
  setUp: () =>
    sceneOf(
      {
        appId: WECHAT_SANDBOX_APP_ID ?? '',
        appSecret: WECHAT_SANDBOX_SECRET ?? '',
        accessTokenMode: 'stable',
      },
      WECHAT_SANDBOX_API_BASE ?? 'https://api.weixin.qq.com',
      WECHAT_SANDBOX_OPENID ?? '',
    ),
};

const hasSandbox = WECHAT_SANDBOX_APP_ID && WECHAT_SANDBOX_SECRET && WECHAT_SANDBOX_OPENID;

/** The simulator always; the sandbox where it is set, so that the simulator says no other than WeChat. */
export const targets: readonly Target[] = hasSandbox ? [simulator, sandbox] : [simulator];

async function sceneOf(account: AppCredentials, apiBase: string, openid: string): Promise<Scene> {
  const client = createClient({ apiBase });
  onTestFinished(() => client.destroy());
  const { value: token } = await client.fetchToken(account, { forceRefresh: false });
  return { account, client, token, openid };
}

/** The user of the sandbox is a person, and wrote too long ago, or not often enough. */
export function skipWhereNobodyWrote({ name }: Target, outcome: SendOutcome, { skip }: TestContext): void {
  if (name === 'sandbox' && outcome.kind === 'refused' && [45015, 45047].includes(outcome.errcode))
    skip(`write to the sandbox account first: ${outcome.errcode}`);
}
