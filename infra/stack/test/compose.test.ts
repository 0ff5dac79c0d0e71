import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { builtVector } from '../src/apt/pgvectorSource';

const root = join(__dirname, '../../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const text = read('docker-compose.yml');
const example = read('.env.example');

interface Service {
  image: string;
  build?: unknown;
  pull_policy?: string;
  depends_on?: Record<string, { condition: string }>;
  environment: Record<string, string>;
  ports?: string[];
}
const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };

const namesIn = (part: string) => [...part.matchAll(/^#([A-Z0-9_]+)=/gm)].map(([, name]) => name as string);
const [settingsText = '', ownText = ''] = example.split('# --- Docker Compose');
const settings = namesIn(settingsText);
const own = namesIn(ownText);

/** Files are in the image, and its containers have a fixed time to stop. */
const decidedByImage = [
  'DATABASE_CA_FILE',
  'NEXT_STATIC_EMBEDDING_FILE',
  'SHUTDOWN_TIMEOUT_MS',
  'STATIC_EMBEDDING_FILE',
];
const ofOwner = ['DATABASE_MIGRATION_URL', 'DATABASE_SERVICE_PASSWORD', 'DATABASE_READONLY_PASSWORD'];
const ofApi = ['API_HOST', 'API_PORT'];
const ofWorkers = ['HEALTH_HOST', 'HEALTH_PORT'];

test.each([
  ['api', [...ofOwner, ...ofWorkers]],
  ['chunker', [...ofOwner, ...ofApi]],
  ['embedder', [...ofOwner, ...ofApi]],
  ['reconciler', [...ofOwner, ...ofApi]],
  ['migrate', [...ofApi, ...ofWorkers]],
  ['cli', [...ofApi, ...ofWorkers]],
])('When %s runs in a container, then it gets every setting that it reads', (name, ofOthers) => {
  const given = Object.keys(services[name]?.environment ?? {});
  expect(settings.length).toBeGreaterThan(50);
  expect(settings.filter((setting) => !given.includes(setting)).sort()).toEqual(
    [...decidedByImage, ...ofOthers].sort(),
  );
});

test('When a setting is set on the host, then its value is passed on under the same name', () => {
  const fixed = ['DATABASE_URL', 'REDIS_URL', 'BLOB_DIR', 'STATE_DIR', ...ofOwner, ...ofApi, ...ofWorkers];
  for (const name of settings.filter((setting) => ![...fixed, ...decidedByImage].includes(setting))) {
    expect(services.api?.environment[name]).toMatch(new RegExp(`^\\$\\{${name}:-`));
  }
});

test('When the file reads a variable, then .env.example explains it', () => {
  const used = new Set([...text.matchAll(/\$\{([A-Z0-9_]+)/g)].map(([, name]) => name));
  expect([...used].filter((name) => !settings.includes(name as string) && !own.includes(name as string))).toEqual([]);
  expect(own.filter((name) => !used.has(name))).toEqual([]);
});

test('When a password is not set, then nothing starts', () => {
  const uses = [...text.matchAll(/\$\{[A-Z]+_PASSWORD([^}]*)\}/g)].map(([, rest]) => rest);
  expect(uses.length).toBeGreaterThan(6);
  for (const rest of uses) {
    expect(rest).toMatch(/^:\?/);
  }
  expect(text).not.toMatch(/millrace-(service|readonly)-role/);
});

test('When several APIs run, then each gets a port of a range on the loopback address', () => {
  expect(services.api?.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:\$\{API_PORTS:-\d+-\d+\}:3000$/)]);
  for (const { ports = [] } of Object.values(services)) {
    for (const port of ports) {
      expect(port).toMatch(/^127\.0\.0\.1:/);
    }
  }
});

test('When the image is built, then one service builds it, and the others wait for that one', () => {
  const ours = Object.entries(services).filter(([, { image }]) => image === 'millrace:local');
  expect(ours.filter(([, { build }]) => build !== undefined).map(([name]) => name)).toEqual(['migrate']);
  for (const [, { pull_policy, depends_on }] of ours.filter(([name]) => name !== 'migrate')) {
    expect(pull_policy).toBe('never');
    expect(depends_on?.migrate?.condition).toBe('service_completed_successfully');
  }
  expect(ours).toHaveLength(6);
});

test('When images are chosen, then their versions are exact, and pgvector is the one that is built elsewhere', () => {
  expect(services.postgres?.image).toMatch(new RegExp(`^pgvector/pgvector:${builtVector.version}-pg\\d+$`));
  expect(services.redis?.image).toMatch(/^redis:\d+\.\d+\.\d+$/);
  const bases = [...read('infra/docker/Dockerfile').matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  expect(new Set(bases).size).toBe(1);
  expect(bases[0]).toMatch(/^node:24\.\d+\.\d+-/);
});

test('When the workflow runs, then it runs both commands of README on every Debian and every version of Node', () => {
  interface Matrix {
    debian: string[];
    node: string[];
    include: { debian: string; node: string }[];
  }
  const { jobs } = parse(read('.github/workflows/ci.yml')) as {
    jobs: Record<string, { strategy?: { matrix: Matrix }; steps: { run?: string }[] }>;
  };
  expect(jobs.debian?.strategy?.matrix).toEqual({
    debian: ['bookworm'],
    node: ['20.19', '22', '24'],
    include: [{ debian: 'trixie', node: '24' }],
  });
  for (const job of [jobs.debian, jobs.ubuntu]) {
    const commands = job?.steps.flatMap(({ run }) => run ?? []);
    expect(commands).toEqual(expect.arrayContaining(['npm run demo', 'npm test']));
  }
  expect(read('README.md')).toMatch(/npm run demo +#[\s\S]*npm test +#/);
});
