// Signs in, follows a store, counts itself in with a compare-and-set, and calls a command: in Node, with fetch alone.
// A page uses @baton/client, which does all this, and reconnects.

const { BATON_URL: hub = 'http://127.0.0.1:8080', BATON_USER: user = 'alice' } = process.env;
const { BATON_PASSWORD: password = user } = process.env;
const space = `${hub}/api/v1/spaces/demo`;

let cookie = '';

/** One request as the person who signed in; what is refused is an error with the code of the problem. */
async function ask(method, url, body) {
  const response = await fetch(url, {
    method,
    headers: { cookie, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.detail), { code: answer.code });
  cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie;
  return answer;
}

/** The frames of an event stream, one after the other. */
async function* events(url, signal) {
  const response = await fetch(url, { headers: { cookie }, signal });
  let text = '';
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (text + part).split('\n');
    text = lines.pop();
    for (const line of lines) {
      if (line.startsWith('data: ')) yield* JSON.parse(line.slice('data: '.length));
    }
  }
}

const { you } = await ask('POST', `${hub}/api/v1/session`, { space: 'demo', user, password });
console.log(`signed in as ${you.user}`);

// Follow the store from now on: the first frame with its values says that it has begun.
const stop = new AbortController();
const frames = events(`${space}/events?channels=counters`, stop.signal);
let frame;
do ({ value: frame } = await frames.next());
while (frame.type !== 'joined');

// Count: write only if nobody has changed the value since it was read. A default has position 0.
let visits;
while (visits === undefined) {
  const { values = {}, defaults = {} } = await ask('GET', `${space}/channels/counters`);
  const { value, position } = values.visits ?? { value: defaults.visits, position: 0 };
  try {
    await ask('POST', `${space}/channels/counters`, {
      set: { visits: value + 1 },
      if: { visits: position },
    });
    visits = value + 1;
  } catch (error) {
    if (error.code !== 'conflict') throw error;
    console.log('somebody was quicker');
  }
}
console.log(`visit ${visits}`);

// What was written comes to everybody who follows. Who is slow gets the last of several values.
for await (const { type, set, values } of frames) {
  if (type !== 'change' && type !== 'joined') continue;
  if ((set?.visits ?? values?.visits?.value) >= visits) break;
}
console.log(`saw visit ${visits}`);
stop.abort();

// Call a command and wait for its end.
const call = await ask('POST', `${space}/commands/greet?wait=30s`, { args: { name: user } });
if (call.state !== 'done') throw new Error(`greet is ${call.state}: ${call.error}`);
console.log(`greet: "${call.result}"`);
