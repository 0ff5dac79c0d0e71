import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const runtime = join(__dirname, '..', 'dist', 'index.js');
const telemetry = join(__dirname, '..', '..', 'telemetry', 'dist', 'index.js');

/** A program that stops in the given phases. Each is a name, and how many milliseconds it takes or "fails". */
const program = `
const { stopOnSignal } = require(${JSON.stringify(runtime)});
const { createLogger } = require(${JSON.stringify(telemetry)});
const phases = JSON.parse(process.argv[2]).map(([name, takes]) => ({
  name,
  run: () => new Promise((resolve, reject) => {
    if (takes === 'fails') reject(new Error('no'));
    else setTimeout(() => { process.stdout.write(name + '\\n'); resolve(); }, takes);
  }),
}));
stopOnSignal({ logger: createLogger('test', 'silent'), timeoutMs: 1000, phases });
setInterval(() => {}, 1000);
process.send('ready');
`;

let directory: string;
const children: ChildProcess[] = [];
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-shutdown-'));
  writeFileSync(join(directory, 'program.js'), program);
});
afterAll(() => {
  for (const child of children) {
    child.kill('SIGKILL');
  }
  rmSync(directory, { recursive: true });
});

async function start(phases: [string, number | 'fails'][]) {
  const child = fork(join(directory, 'program.js'), [JSON.stringify(phases)], {
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  });
  children.push(child);
  let output = '';
  child.stdout?.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const closed = child.stdout ? once(child.stdout, 'close') : undefined;
  await once(child, 'message');
  const end = async () => {
    const [code] = await ended;
    await closed;
    return { code, phases: output.trim().split('\n').filter(Boolean) };
  };
  return { child, end };
}

describe('Stopping a service', () => {
  test('When a signal comes, then its phases run in order and it exits with 0', async () => {
    const { child, end } = await start([
      ['first', 30],
      ['second', 0],
    ]);
    child.kill('SIGTERM');
    expect(await end()).toEqual({ code: 0, phases: ['first', 'second'] });
  });

  test('When a phase fails or takes too long, then the next still runs and the exit code is 1', async () => {
    const { child, end } = await start([
      ['failing', 'fails'],
      ['slow', 60_000],
      ['last', 0],
    ]);
    child.kill('SIGTERM');
    expect(await end()).toEqual({ code: 1, phases: ['last'] });
  });

  test('When a second signal comes, then it exits at once', async () => {
    const { child, end } = await start([['slow', 60_000]]);
    child.kill('SIGINT');
    child.kill('SIGTERM');
    expect(await end()).toEqual({ code: 1, phases: [] });
  });

  test('When its supervisor ends, then it stops in order', async () => {
    const { child, end } = await start([['only', 0]]);
    child.disconnect();
    expect(await end()).toEqual({ code: 0, phases: ['only'] });
  });
});
