import { existsSync } from 'node:fs';
import { ConfigError } from '@millrace/config';
import { MillraceError } from '@millrace/contracts';
import { indexCommand, indexUsage } from './index/command';
import { InterruptedError } from './interrupted';
import { reEmbedCommand, reEmbedUsage } from './reEmbed/command';
import { UsageError } from './usageError';

const usage = `usage: npm run millrace -- COMMAND

${indexUsage}
${reEmbedUsage}`;

/** The commands, by name. Each gets its arguments, and a way to say something. */
const commands: Record<string, (args: string[], environment: NodeJS.ProcessEnv) => Promise<void>> = {
  index: indexCommand,
  're-embed': reEmbedCommand,
};

/** Runs one command line. @returns the exit code. */
async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help') {
    console.log(usage);
    return name === undefined ? 2 : 0;
  }
  try {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) {
      throw new UsageError(`Unknown command: ${name}`);
    }
    if (existsSync('.env')) {
      process.loadEnvFile('.env');
    }
    await command(args, process.env);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${usage}`);
      return 2;
    }
    if (error instanceof InterruptedError) {
      console.error(error.message);
      return 130;
    }
    const expected = error instanceof MillraceError || error instanceof ConfigError;
    console.error(expected ? error.message : error);
    return 1;
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
