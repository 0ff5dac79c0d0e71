/** One archive that the machine's apt is told to fetch packages from. */
export interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** A keyring file that signatures must match, when the source names one. */
  readonly signedBy: string | undefined;
}

/** Reads the one-line form: `deb [options] uri suite component...`. */
export function parseListFile(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$/.exec(line.replace(/#.*/, ''));
    const [, options = '', uri, suite, components = ''] = match ?? [];
    if (uri === undefined || suite === undefined) {
      return [];
    }
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    return [{ uri, suites: [suite], components: words(components), signedBy }];
  });
}

/** Reads the deb822 form of *.sources files: paragraphs of `Field: value`, continued on indented lines. */
export function parseSourcesFile(text: string): AptSource[] {
  return text
    .replace(/^#.*\n?/gm, '')
    .split(/\n[ \t]*\n/)
    .flatMap((paragraph) => {
      const fields = new Map<string, string>();
      for (const match of paragraph.matchAll(/^([A-Za-z0-9-]+):((?:.*)(?:\n[ \t]+.*)*)/gm)) {
        fields.set(String(match[1]).toLowerCase(), String(match[2]).trim());
      }
      const disabled = /^(no|false|without|off|disable)$/i.test(fields.get('enabled') ?? 'yes');
      if (disabled || !words(fields.get('types') ?? '').includes('deb')) {
        return [];
      }
      const keyring = fields.get('signed-by');
      return words(fields.get('uris') ?? '').map((uri) => ({
        uri,
        suites: words(fields.get('suites') ?? ''),
        components: words(fields.get('components') ?? ''),
        // An armored key may stand in the file itself; it is of no use in another sources list.
        signedBy: keyring?.startsWith('/') ? keyring : undefined,
      }));
    });
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/**
 * Returns the main archive of the release with this code name: the source that has the plain suite and `main`,
 * not the security, updates or backports suites, which have folders or servers of their own.
 */
export function findMainArchive(sources: readonly AptSource[], codename: string): AptSource | undefined {
  const matches = sources.filter((source) => source.components.includes('main') && /^(https?|file):/.test(source.uri));
  return (
    matches.find((source) => source.suites.includes(codename)) ??
    // The release can also go by its role.
    matches.find((source) => source.suites.some((suite) => /^(stable|oldstable|testing)$/.test(suite)))
  );
}
