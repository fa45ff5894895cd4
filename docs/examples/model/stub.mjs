// Speaks like an OpenAI-compatible server, and is no model: it repeats, and remembers a name by what it is sent of the conversation.
// node stub.mjs (22 or newer), without packages; PORT is 8001 unless it is set.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

const port = Number(process.env.PORT ?? 8001);

/** All that a model knows of a conversation is what stands in the request: so does this one. */
function answer(messages) {
  const said = messages.filter(({ role }) => role === 'user').map(({ content }) => textOf(content));
  const last = said.at(-1) ?? '';
  const [, name] =
    said
      .map((one) => /(?:我叫|my name is )\s*([\p{L}\p{N}]+)/iu.exec(one))
      .findLast((found) => found && !/什么|吗|么/.test(found[1])) ?? [];
  if (/我叫什么|我是谁|my name\?|who am i/i.test(last))
    return name ? `您叫${name}。` : '您还没有告诉我您的名字。';
  if (name && last.includes(name)) return `您好，**${name}**！我记住了。`;
  return `您说：“${last}”。这是我看到的第 ${said.length} 句话。`;
}

/** A text, or parts of which some are texts. */
function textOf(content) {
  return typeof content === 'string' ? content : content.map((part) => part.text ?? '').join('');
}

const server = createServer(async (request, response) => {
  const body = await text(request);
  if (request.method !== 'POST' || !request.url.endsWith('/chat/completions')) {
    response.writeHead(404).end();
    return;
  }
  const { model, messages, stream = false } = JSON.parse(body);
  const content = answer(messages);
  const common = { id: `stub-${Date.now()}`, created: Math.floor(Date.now() / 1_000), model };
  const usage = {
    prompt_tokens: body.length,
    completion_tokens: content.length,
    total_tokens: body.length + content.length,
  };
  if (!stream) {
    const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }];
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ ...common, object: 'chat.completion', choices, usage }));
    return;
  }
  response.setHeader('content-type', 'text/event-stream');
  const send = (choices, more = {}) =>
    response.write(
      `data: ${JSON.stringify({ ...common, object: 'chat.completion.chunk', choices, ...more })}\n\n`,
    );
  for (const character of content) send([{ index: 0, delta: { content: character }, finish_reason: null }]);
  send([{ index: 0, delta: {}, finish_reason: 'stop' }]);
  send([], { usage });
  response.end('data: [DONE]\n\n');
});

server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/v1`));
