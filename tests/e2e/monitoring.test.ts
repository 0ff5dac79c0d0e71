import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { metricsIn, prometheusFiles, readDashboard } from './monitoringFiles';
import { root } from './support';

const run = promisify(execFile);
const tools = join(root, '.millrace');
const promtool = join(tools, 'promtool');

/**
 * Returns the path of promtool: the installed one, or the one of Debian's package. The package is unpacked and not installed,
 * because its installation starts a server. Null where there is neither.
 */
async function findPromtool(): Promise<string | null> {
  const works = (path: string) =>
    run(path, ['--version']).then(
      () => true,
      () => false,
    );
  if (await works('promtool')) {
    return 'promtool';
  }
  if (existsSync(promtool)) {
    return promtool;
  }
  // A checkout whose servers were given has no such folder yet.
  await mkdir(tools, { recursive: true });
  const folder = await mkdtemp(join(tools, 'promtool-'));
  try {
    await run('apt-get', ['download', 'prometheus'], { cwd: folder, timeout: 120_000 });
    const [file = ''] = await readdir(folder);
    await run('dpkg-deb', ['-x', file, '.'], { cwd: folder });
    await rename(join(folder, 'usr', 'bin', 'promtool'), promtool);
    return promtool;
  } catch {
    return null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('The files for Prometheus', () => {
  test('When promtool reads them, then rules and configuration are valid, and made-up figures raise the right alerts', async () => {
    const rules = await readFile(prometheusFiles.rules, 'utf8');
    const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
    expect(new Set(alerts).size).toBe(alerts.length);
    expect(rules.match(/^ {10}action: /gm)).toHaveLength(alerts.length);
    const path = await findPromtool();
    if (path === null) {
      process.stderr.write('promtool is not there and cannot be fetched with apt-get: the rules were not loaded.\n');
      return;
    }
    const { rules: rulesFile, ruleTests, config } = prometheusFiles;
    expect((await run(path, ['check', 'rules', rulesFile])).stdout).toContain(`SUCCESS`);
    expect((await run(path, ['check', 'config', '--syntax-only', config])).stdout).toContain('SUCCESS');
    expect((await run(path, ['test', 'rules', ruleTests])).stdout).toContain('SUCCESS');
  });
});

describe('The dashboard for Grafana', () => {
  test('When it is read, then each panel has its place, and every recorded figure is one of the rules', async () => {
    const { uid, panels } = await readDashboard();
    expect(uid).toBe('millrace');
    expect(new Set(panels.map((panel) => panel.id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
    const rules = await readFile(prometheusFiles.rules, 'utf8');
    const recorded = [...rules.matchAll(/- record: (\S+)/g)].map(([, name]) => name);
    const used = metricsIn(JSON.stringify(panels)).filter((name) => name.includes(':'));
    expect(used.sort()).toEqual(recorded.sort());
  });
});
