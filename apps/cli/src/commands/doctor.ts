import { inspectServices, type ServiceStatus, type StackContext } from '@millrace/stack';
import type { Command } from 'commander';
import type { Cli } from '../cli';
import { type Finding, fault } from '../doctor/finding';
import { checkBlobFolder, checkNode, checkSettings } from '../doctor/machine';
import { checkDatabase, checkEncryption, checkRedis } from '../doctor/servers';
import { exitCodes } from '../errors';

/** Adds `doctor`. The exit code is 1 when something keeps Millrace from working. */
export function addDoctor(program: Command, cli: Cli): void {
  program
    .command('doctor')
    .description('says what is wrong with database, Redis, versions and settings; starts and changes nothing')
    .action(async () => {
      const findings = await examine(cli.context);
      for (const { level, text } of findings) {
        cli.context.print(`${level.padEnd(9)}${text.replaceAll('\n', `\n${' '.repeat(9)}`)}`);
      }
      const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
      cli.context.print(`\nFaults: ${count('fault')}. Warnings: ${count('warning')}.`);
      cli.exitCode = count('fault') > 0 ? exitCodes.failure : exitCodes.success;
    });
}

async function examine(context: StackContext): Promise<Finding[]> {
  const statuses = await inspectServices(context);
  const urlOf = (service: ServiceStatus['service']) => statuses.find((status) => status.service === service)?.url;
  const servers = await Promise.all(statuses.map((status) => examineServer(context, status)));
  // Other faults of the settings are found also where a server is not known yet.
  const urls = {
    DATABASE_URL: urlOf('postgres') ?? 'postgresql://127.0.0.1/millrace',
    REDIS_URL: urlOf('redis') ?? 'redis://127.0.0.1',
  };
  return [
    checkNode(process.versions.node),
    checkSettings(context, urls),
    checkBlobFolder(context),
    ...servers.flat(),
    ...checkEncryption(context),
  ];
}

async function examineServer(
  context: StackContext,
  { service, url, answers, text }: ServiceStatus,
): Promise<Finding[]> {
  const name = service === 'postgres' ? 'PostgreSQL' : 'Redis';
  if (url === undefined || !answers) {
    return [fault(`${name}: ${text}. Start it: npm run services -- up`)];
  }
  return service === 'postgres' ? checkDatabase(context, url) : checkRedis(url);
}
