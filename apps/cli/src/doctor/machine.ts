import { accessSync, constants, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError, loadConfig } from '@millrace/config';
import { messageOf, type StackContext } from '@millrace/stack';
import { type Finding, fault, ok, warning } from './finding';

/** The version that the image has, and those that the tests run on too. */
const recommendedNode = 24;
const testedNodes = [20, 22, recommendedNode];

/** Judges a version of Node. */
export function checkNode(version: string): Finding {
  const major = Number.parseInt(version, 10);
  if (major === 20) {
    return warning(`Node ${version} gets no security fixes any more. Node ${recommendedNode} is recommended.`);
  }
  return testedNodes.includes(major)
    ? ok(`Node ${version}`)
    : warning(`Node ${version} is not tested. Node ${recommendedNode} is recommended.`);
}

/** Reads the settings as a service does. @param urls the servers, where the environment does not name them */
export function checkSettings(
  { environment }: StackContext,
  urls: { DATABASE_URL: string; REDIS_URL: string },
): Finding {
  try {
    loadConfig({ ...environment, ...urls });
    return ok('Settings: all are usable');
  } catch (error) {
    if (!(error instanceof ConfigError)) {
      throw error;
    }
    return fault(error.message);
  }
}

/** Checks the folder of the originals. The first start makes it. */
export function checkBlobFolder({ root, stateDir, environment }: StackContext): Finding {
  const folder = environment.BLOB_DIR ? resolve(root, environment.BLOB_DIR) : resolve(stateDir, 'blobs');
  if (!existsSync(folder)) {
    return ok(`Originals: ${folder} will be made`);
  }
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok(`Originals: ${folder}`);
  } catch (error) {
    return fault(`Originals: the folder of BLOB_DIR cannot be used: ${messageOf(error)}.`);
  }
}
