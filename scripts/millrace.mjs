#!/usr/bin/env node
/**
 * The entry to every command. It needs only Node. It installs the packages and compiles when that is needed, then
 * runs the command line (apps/cli) in this same process, so that signals and the exit code need no passing on.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const pnpm = 'pnpm@12.21.0';
const oldestNode = [20, 19];
const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const { acquireLock } = require('./lock.cjs');
const stateDir = join(root, '.millrace');
const logDir = join(stateDir, 'logs');

/** The commands that start no service, and so need only the command line. `test` compiles the rest itself. */
const withoutServices = ['services', 'doctor', 'index', 're-embed'];
/** The projects that single commands need besides. */
const furtherProjects = { bench: ['bench'], chaos: ['tests/chaos'] };

/** An expected failure. It is shown without a stack trace. */
class BootstrapError extends Error {}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    throw new BootstrapError(`Millrace needs Node ${oldestNode.join('.')} or newer; this is ${process.versions.node}.`);
  }
}

/** Returns every package.json of the workspace: the root's, and those one and two folders below. */
function packageFiles() {
  const folders = ['.', 'packages', 'services', 'infra', 'apps', 'tests', 'bench'];
  return folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => {
      const inside = folder === '.' ? [] : readdirSync(join(root, folder)).map((name) => join(folder, name));
      return [folder, ...inside].map((path) => join(root, path, 'package.json'));
    })
    .filter((file) => existsSync(file))
    .sort();
}

/** Returns a hash that changes whenever the packages must be installed again. */
function installationHash() {
  const hash = createHash('sha256').update(`${pnpm} ${process.platform} ${process.arch} ${process.versions.modules}`);
  for (const file of [join(root, 'pnpm-lock.yaml'), join(root, 'pnpm-workspace.yaml'), ...packageFiles()]) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

/**
 * Runs a command to its end with its output in a log. It gets a process group of its own, and a signal to us is passed
 * on to the group: a terminal's Ctrl-C alone could leave children of the command running.
 */
async function run(command, args, { log, failure }) {
  const handle = openSync(log, 'w');
  const child = spawn(command, args, {
    cwd: root,
    detached: true,
    stdio: ['ignore', handle, handle],
    // Without CI set, pnpm asks before it replaces a node_modules folder.
    env: { ...process.env, CI: 'true', npm_config_update_notifier: 'false' },
  });
  closeSync(handle);
  let interrupted;
  const passOn = (signal) => {
    interrupted = signal;
    try {
      process.kill(-child.pid, signal);
    } catch (error) {
      if (error.code !== 'ESRCH') {
        throw error;
      }
    }
  };
  process.on('SIGINT', passOn).on('SIGTERM', passOn).on('SIGHUP', passOn);
  const outcome = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code === 0 ? '' : `ended with ${signal ?? `code ${code}`}`));
  });
  process.off('SIGINT', passOn).off('SIGTERM', passOn).off('SIGHUP', passOn);
  if (interrupted) {
    throw new BootstrapError(`Interrupted by ${interrupted}.`);
  }
  if (outcome) {
    const tail = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-30);
    const lines = tail.map((line) => `  | ${line}`).join('\n');
    const advice = adviceFor(tail.join('\n'));
    throw new BootstrapError(
      `${failure}\n  $ ${[command, ...args].join(' ')}\n${lines}\nIt ${outcome}. Its whole output is in ${log}.` +
        (advice && `\n${advice}`),
    );
  }
}

/** Returns the advice for failures whose cause is outside Millrace, or an empty text. */
function adviceFor(output) {
  if (/ENOSPC|no space left/i.test(output)) {
    return 'The disk is full. Millrace needs about 2 GB for its packages and word vectors.';
  }
  if (/CERT|certificate/.test(output)) {
    return 'The certificate of the npm registry is not trusted. If your network has its own authority, set NODE_EXTRA_CA_CERTS.';
  }
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT|network/i.test(output)) {
    return 'The npm registry cannot be reached. Check the network, and the proxy and registry in your npm configuration.';
  }
  return /EACCES|EPERM/.test(output) ? 'A file cannot be written. Does another user own this checkout?' : '';
}

/** Installs the packages, unless the lockfile and all package.json files are unchanged since the last installation. */
async function install() {
  const stamp = join(root, 'node_modules', '.millrace-installed');
  const hash = installationHash();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) {
    return;
  }
  console.error('Installing packages (the first time about a minute) ...');
  await run('npx', ['-y', pnpm, 'install', '--frozen-lockfile'], {
    log: join(logDir, 'install.log'),
    failure: 'The packages could not be installed.',
  });
  writeFileSync(stamp, hash);
}

/** Compiles. This takes about a second when nothing has changed. */
async function build(command) {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const projects = [
    'apps/cli',
    ...(withoutServices.includes(command) ? [] : ['services']),
    ...(furtherProjects[command] ?? []),
  ];
  if (!existsSync(join(root, 'apps/cli/dist'))) {
    console.error('Compiling ...');
  }
  await run(process.execPath, [compiler, '-b', ...projects], {
    log: join(logDir, 'build.log'),
    failure: 'Millrace does not compile.',
  });
}

async function prepare(command) {
  checkNode();
  mkdirSync(logDir, { recursive: true });
  const release = await acquireLock(join(stateDir, 'locks'), 'build', {
    timeoutMs: 1_800_000,
    onWait: (pid) => console.error(`Waiting for process ${pid}, which is installing or compiling this checkout ...`),
  });
  try {
    await install();
    await build(command);
  } finally {
    release();
  }
}

const args = process.argv.slice(2);
try {
  await prepare(args[0]);
  const environmentFile = join(root, '.env');
  if (existsSync(environmentFile)) {
    // A variable in the environment wins, even when it is empty.
    process.loadEnvFile(environmentFile);
  }
  const { main } = require('../apps/cli/dist/main.js');
  process.exitCode = await main(args);
} catch (error) {
  console.error(error instanceof BootstrapError ? `\n${error.message}` : error);
  process.exitCode = 1;
}
