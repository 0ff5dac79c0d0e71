#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createContext } from '@millrace/stack';
import { reportError } from './errors';
import { runCommand } from './program';

/** Runs one command line. @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const context = createContext({ root: join(__dirname, '../../..'), environment: process.env });
    return await runCommand(context, args);
  } catch (error) {
    return reportError(error);
  }
}

if (require.main === module) {
  if (existsSync('.env')) {
    process.loadEnvFile('.env');
  }
  void main(process.argv.slice(2)).then((code) => {
    process.exitCode = code;
  });
}
