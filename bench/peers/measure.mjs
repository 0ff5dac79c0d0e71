/**
 * Has a peer ingest the files named on the command line twice, in one process: straight after its start and once more,
 * with `empty` in between. What was there before the first file (imports, models, connections, tables) is not counted.
 * Prints [{ seconds, pages, chunks }, ...] as JSON.
 */
export async function measure({ ingest, empty, close }) {
  const files = process.argv.slice(2);
  const runs = [];
  for (let run = 0; run < 2; run += 1) {
    const start = performance.now();
    let pages = 0;
    let chunks = 0;
    for (const file of files) {
      const made = await ingest(file);
      pages += made.pages;
      chunks += made.chunks;
    }
    runs.push({ seconds: (performance.now() - start) / 1000, pages, chunks });
    await empty();
  }
  await close();
  console.log(JSON.stringify(runs));
}
