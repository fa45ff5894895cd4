import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { onTestFinished } from 'vitest';
import {
  type SimulatedAccount,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/index.js';

export const account = { appId: 'wx1', appSecret: 'secret', token: 'token' };
/** A second one, for tests with several. */
export const otherAccount = { appId: 'wx2', appSecret: 'other secret', token: 'othertoken' };
export const tokenRequest = { grant_type: 'client_credential', appid: 'wx1', secret: 'secret' };
export const stablePath = '/cgi-bin/stable_token';
export const sendPath = '/cgi-bin/message/custom/send';

export async function simulate(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const simulator = await startSimulator({ account, ...options });
  onTestFinished(() => simulator.close());
  return simulator;
}

/** With a webhook that acknowledges everything. */
export async function simulateAcknowledged(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  return simulate({ ...options, webhookUrl: await startWebhook((_request, response) => response.end()) });
}

/** A webhook that answers as it is told. */
export async function startWebhook(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/wechat`;
}

export async function call(
  { apiBase }: Pick<Simulator, 'apiBase'>,
  path: string,
  body: string | Uint8Array | object,
  signal?: AbortSignal,
): Promise<Record<string, unknown>> {
  const response = await request(apiBase + path, {
    method: 'POST',
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
  return (await response.body.json()) as Record<string, unknown>;
}

export async function get({ apiBase }: Simulator, path: string): Promise<Record<string, unknown>> {
  return (await (await request(apiBase + path)).body.json()) as Record<string, unknown>;
}

type Credentials = Pick<SimulatedAccount, 'appId' | 'appSecret'>;

export async function tokenOf(
  simulator: Simulator,
  { appId, appSecret }: Credentials = account,
): Promise<string> {
  const credentials = { ...tokenRequest, appid: appId, secret: appSecret };
  return String((await call(simulator, stablePath, credentials)).access_token);
}

/** @returns the errcode */
export async function send(
  simulator: Simulator,
  body: string | Uint8Array | object,
  signal?: AbortSignal,
): Promise<unknown> {
  const token = await tokenOf(simulator);
  return (await call(simulator, `${sendPath}?access_token=${token}`, body, signal)).errcode;
}

/** @returns the errcode */
export async function sendAs(simulator: Simulator, sender: Credentials, body: object): Promise<unknown> {
  return (await call(simulator, `${sendPath}?access_token=${await tokenOf(simulator, sender)}`, body))
    .errcode;
}

export const textTo = (touser: string, content: string) => ({ touser, msgtype: 'text', text: { content } });

export const sendsOf = (simulator: Simulator) => simulator.calls.filter(({ path }) => path === sendPath);
