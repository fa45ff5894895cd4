import type { Resource } from './plan.ts';

export type Language = 'en' | 'zh-CN';

interface Words {
  resources: Readonly<Record<Resource, string>>;
  costs: readonly [
    head: string,
    ingress: string,
    worker: string,
    postgres: string,
    wal: string,
    disk: string,
    cores: string,
  ];
  plan: readonly [
    users: string,
    perDay: string,
    peak: string,
    cores: string,
    machines: string,
    processes: string,
    postgres: string,
    wal: string,
    disk: string,
    firstFull: string,
    accounts: string,
  ];
  at(rate: string): string;
  us: string;
  nothing: string;
  bothRoles: string;
  processes(ingress: number, worker: number): string;
  oneMachine(cores: number): string;
  machinesApart(processCores: number, postgresCores: number): string;
}

export const words: Readonly<Record<Language, Words>> = {
  en: {
    resources: {
      cpu: 'CPU of Postgres',
      wal: 'WAL',
      disk: 'disk',
      connections: 'connections',
      commits: 'commits that notify',
    },
    costs: [
      'a message with one reply',
      'CPU of the ingress',
      'CPU of the worker',
      'CPU of Postgres',
      'WAL',
      'disk, while it is kept',
      'cores busy, of two',
    ],
    plan: [
      'users',
      'messages a day',
      'peak',
      'cores at least',
      'machines',
      'processes',
      'Postgres',
      'WAL a day',
      'disk',
      'first full',
      'accounts',
    ],
    at: (rate) => `at ${rate}/s`,
    us: 'µs',
    nothing: 'nothing',
    bothRoles: '1 of both roles',
    processes: (ingress, worker) => `${ingress} ingress, ${worker} worker`,
    oneMachine: (cores) => `one, ${cores} cores`,
    machinesApart: (processes, postgres) => `${processes} cores for processes, ${postgres} a Postgres`,
  },
  'zh-CN': {
    resources: {
      cpu: 'Postgres 的 CPU',
      wal: 'WAL',
      disk: '磁盘',
      connections: '连接数',
      commits: '带通知的提交',
    },
    costs: [
      '一条消息加一条回复',
      '接入的 CPU',
      'worker 的 CPU',
      'Postgres 的 CPU',
      'WAL',
      '保留期间的磁盘',
      '两核中占用的',
    ],
    plan: [
      '用户数',
      '每天消息数',
      '峰值',
      '至少占用的核',
      '机器',
      '进程',
      'Postgres',
      '每天 WAL',
      '磁盘',
      '最先用满的',
      '公众号',
    ],
    at: (rate) => `每秒 ${rate} 条时`,
    us: '微秒',
    nothing: '都不会',
    bothRoles: '1 个，兼任两种角色',
    processes: (ingress, worker) => `${ingress} 个接入，${worker} 个 worker`,
    oneMachine: (cores) => `一台，${cores} 核`,
    machinesApart: (processes, postgres) => `进程共 ${processes} 核，每个 Postgres ${postgres} 核`,
  },
};
