import type { StackContext } from '../system/context';
import { capture } from '../system/run';
import { aptEnvironment, type System } from './apt';

/** An archive that apt is configured to fetch packages from. */
export interface Archive {
  /** With a slash at the end. */
  readonly uri: string;
  /** The keyring file that must have signed it, or an empty string when the source names none. */
  readonly keyring: string;
}

/** Returns the main archive of the release: not its security, updates or backports suite, and no other vendor's. */
export async function findArchive(context: StackContext, system: System): Promise<Archive | undefined> {
  const fields = ['CODENAME', 'COMPONENT', 'LABEL', 'REPO_URI', 'SIGNED_BY'];
  const format = fields.map((field) => `$(${field})`).join('\t');
  const { stdout } = await capture('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], {
    env: aptEnvironment(context),
  });
  return parseArchives(stdout, system)[0];
}

/** Reads the lines of `apt-get indextargets`. apt leaves the name of a field in place of a missing value. */
export function parseArchives(text: string, system: Pick<System, 'distribution' | 'codename'>): Archive[] {
  const vendor = system.distribution === 'ubuntu' ? 'Ubuntu' : 'Debian';
  return text.split('\n').flatMap((line) => {
    const [codename, component, label, uri = '', keyring = ''] = line.split('\t');
    const isMain =
      codename === system.codename && component === 'main' && label === vendor && /^(https?|file):/.test(uri);
    return isMain ? [{ uri: uri.replace(/\/*$/, '/'), keyring: keyring.startsWith('/') ? keyring : '' }] : [];
  });
}
