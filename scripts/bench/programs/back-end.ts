/** A back end that answers every message after 50 ms, in the way of an HTTP source of replies. */
import { createServer } from 'node:http';
import { serveHealth } from './health.ts';

const thinkingMs = 50;
const body = '"hello"';

createServer((request, response) => {
  request.resume().on('end', () => {
    setTimeout(() => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
      response.end(body);
    }, thinkingMs);
  });
}).listen(Number(process.env.PORT), '127.0.0.1', serveHealth);
