import type { ServerResponse } from 'node:http';
import type { Change, Snapshot } from './contract.js';

/** Server-sent events: who comes gets the snapshot, then what changes. */
export interface Stream {
  /** False when too many listen already. */
  open(response: ServerResponse): boolean;
  tell(change: Change): void;
  close(): void;
}

const mostListeners = 32;
/** So much unread, and the page is gone or stuck: it gets a new snapshot when it comes again. */
const mostUnreadBytes = 4 * 1_024 * 1_024;
const heartbeatMs = 15_000;

export function createStream(snapshot: () => Snapshot): Stream {
  const listeners = new Set<ServerResponse>();
  const heartbeat = setInterval(() => write(': still here\n\n'), heartbeatMs);
  heartbeat.unref();

  function write(text: string): void {
    for (const response of listeners) {
      if (response.writableLength > mostUnreadBytes) response.destroy();
      else response.write(text);
    }
  }

  return {
    open(response) {
      if (listeners.size >= mostListeners) return false;
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
      });
      response.write(eventOf({ kind: 'snapshot', snapshot: snapshot() }));
      listeners.add(response);
      response.once('close', () => listeners.delete(response));
      return true;
    },
    tell: (change) => write(eventOf(change)),
    close() {
      clearInterval(heartbeat);
      for (const response of listeners) response.end();
    },
  };
}

function eventOf(change: Change): string {
  return `data: ${JSON.stringify(change)}\n\n`;
}
