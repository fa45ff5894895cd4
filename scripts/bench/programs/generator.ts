/**
 * A load generator over plain sockets, so that it takes little from the server beside it. Reads its options as JSON from
 * the command line, prints its result as JSON. With a rate, the latency is counted from when a push was due: a server
 * that stalls is charged for all that had to wait.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { GeneratedResult, LoadOptions } from '../load.ts';
import { quantile } from '../statistics.ts';

const options = JSON.parse(process.argv[2] ?? '') as LoadOptions & { ratePerSecond?: number };
const { port, pushesFile, connections, seconds, ratePerSecond, skipSeconds = 0 } = options;

const requests = readFileSync(pushesFile, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => {
    const [path, body = ''] = line.split('\t');
    const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/xml\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    return Buffer.from(head + body);
  });

let nextRequest = 0;
let answered = 0;
let answeredInAll = 0;
let refused = 0;
const latencies: number[] = [];

interface Connection {
  socket: Socket;
  dueAt: number;
}

/** Used in turn, so that none is idle for as long as the server bears. */
const idle: Connection[] = [];
/** Times at which pushes were due that no connection was free for. */
const overdue: number[] = [];

function send(connection: Connection, dueAt: number): void {
  const next = requests[nextRequest % requests.length];
  nextRequest += 1;
  connection.dueAt = dueAt;
  if (next) connection.socket.write(next);
}

/** The answers are empty, so each ends with its headers. */
function receive(connection: Connection, text: string): void {
  if (!text.includes('\r\n\r\n')) return;
  const now = performance.now();
  if (!text.startsWith('HTTP/1.1 200')) refused += 1;
  else {
    answeredInAll += 1;
    if (now >= countingAt) answered += 1;
  }
  latencies.push(now - connection.dueAt);
  // What was due before the end is still sent after it.
  const dueAt = ratePerSecond !== undefined ? overdue.shift() : now < endsAt ? now : undefined;
  if (dueAt === undefined) idle.push(connection);
  else send(connection, dueAt);
}

const open: Connection[] = [];
for (let index = 0; index < connections; index += 1) {
  const connection = { socket: connect(port, '127.0.0.1').setNoDelay(), dueAt: 0 };
  connection.socket.on('data', (chunk) => receive(connection, chunk.toString('latin1')));
  await once(connection.socket, 'connect');
  open.push(connection);
}
const startedAt = performance.now();
const endsAt = startedAt + seconds * 1_000;
const countingAt = startedAt + skipSeconds * 1_000;

if (ratePerSecond === undefined) {
  for (const connection of open) send(connection, startedAt);
} else {
  idle.push(...open);
  let due = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    if (now >= endsAt) clearInterval(timer);
    for (; startedAt + (due / ratePerSecond) * 1_000 <= now; due += 1) {
      const dueAt = startedAt + (due / ratePerSecond) * 1_000;
      const connection = idle.shift();
      if (connection) send(connection, dueAt);
      else overdue.push(dueAt);
    }
  }, 1);
}

// What is on its way at the end still counts, for its latency above all.
setTimeout(
  () => {
    const result: GeneratedResult = {
      answered,
      refused: refused + overdue.length,
      seconds: seconds - skipSeconds,
      answeredInAll,
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
    };
    process.stdout.write(JSON.stringify(result), () => process.exit());
  },
  seconds * 1_000 + 1_500,
);
