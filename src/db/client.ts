import type { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import pg, { type ClientConfig } from 'pg';
import { classifyDatabaseError, ReadOnlyServerError, readOnlyState } from './errors.js';
import { isSame, type Server, type Servers } from './servers.js';

type Connected = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

/**
 * A connection to whichever server leads, and to no other for long: it ends when another one leads, and when its server turns out
 * to take no writes any more.
 */
export class LeaderClient extends pg.Client {
  readonly #servers: Servers;
  readonly #socket: Socket;
  #isEnding = false;
  #isReadOnly = false;

  constructor(config: ClientConfig, servers: Servers) {
    const socket = new Socket();
    super({ ...config, stream: () => socket });
    this.#servers = servers;
    this.#socket = socket;
    // A server that goes away right behind its greeting tells before anybody else listens; the first statement fails then.
    this.on('error', () => undefined);
    this.#watch();
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.Client> | undefined {
    const connecting = this.#connect();
    if (!callback) return connecting;
    const told = callback as (error: unknown, client?: pg.Client) => void;
    connecting.then(() => told(null, this), told);
    return undefined;
  }

  async #connect(): Promise<this> {
    const server = await this.#servers.choose();
    if (server) {
      this.host = server.host;
      this.port = server.port;
    }
    try {
      await super.connect();
    } catch (error) {
      // One that has no connection left for us leads all the same.
      if (server && classifyDatabaseError(error) === 'away') this.#servers.doubt();
      throw error;
    }
    return this;
  }

  override end(): Promise<void>;
  override end(callback: (error?: Error) => void): void;
  override end(callback?: (error?: Error) => void): Promise<void> | void {
    this.#isEnding = true;
    return callback ? super.end(callback) : super.end();
  }

  /** Breaks it off, as a server does that goes away: whoever uses it is told. */
  drop(reason: Error): void {
    if (!this.#isEnding) this.#socket.destroy(reason);
  }

  /** Ends it without a word to the server, which may be gone. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Whether it leads to this server; where there is one address, it does. */
  leadsTo(server: Server): boolean {
    return isSame(this, server);
  }

  /**
   * A server may become read only under an open connection, and a name may still lead to the former leader. The first statement
   * that is refused tells; then the connection ends, as soon as its transaction has.
   */
  #watch(): void {
    // Not in the types, but as old as pg: no other event tells of the error of a statement.
    const { connection } = this as unknown as { connection: EventEmitter };
    connection.on('errorMessage', ({ code }: { code?: string }) => {
      if (code !== readOnlyState || this.#isReadOnly) return;
      this.#isReadOnly = true;
      this.#servers.doubt();
    });
    this.on('drain', () => {
      if (this.#isReadOnly && this.getTransactionStatus() === 'I')
        this.drop(new ReadOnlyServerError('it takes no writes any more'));
    });
  }
}
