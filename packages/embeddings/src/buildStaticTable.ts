import { ensureStaticTable } from './static/staticTableBuilder';

/** `node dist/buildStaticTable.js TARGET`: builds the table of the static provider, unless the file holds a whole one. */
async function main(): Promise<void> {
  const [target, ...rest] = process.argv.slice(2);
  if (target === undefined || rest.length > 0) {
    throw new Error('Name one file: node buildStaticTable.js TARGET.');
  }
  const built = await ensureStaticTable(target);
  console.log(built ? `Built ${target}` : `${target} is up to date`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
