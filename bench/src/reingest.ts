import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PDFArray, PDFDocument, PDFName, StandardFonts } from '@cantoo/pdf-lib';
import type { RunningStack } from '@millrace/stack';
import { type OpenAiServer, startOpenAiServer } from '@millrace/test-support';
import { withBenchStack } from './benchStack';
import { withCleanUp, withFolder } from './cleanUp';
import { withDatabase } from './databases';
import { ingestAll } from './jobs';
import type { Options } from './options';
import { inputPdfs } from './pdfs';
import type { BenchmarkResult } from './report';
import { sum } from './statistics';

/**
 * Measures what is paid for again when documents are uploaded again: unchanged, with the same text in other bytes (new
 * documents for Millrace), and with one more line on one page. The provider is a local server that counts what it embeds.
 */
export async function reingest({ environment, files: folder, quick }: Options): Promise<BenchmarkResult> {
  const files = await inputPdfs(folder, quick ? 2 : undefined);
  const provider = await startOpenAiServer({ defaultDimensions: 768 });
  const variables = {
    EMBEDDING_PROVIDER: 'openai',
    EMBEDDING_MODEL: 'counted',
    OPENAI_BASE_URL: provider.baseUrl,
    OPENAI_API_KEY: 'local',
  };
  const measure = () =>
    withFolder((copies) =>
      withBenchStack(environment, { variables }, async ({ stack, databaseUrl }) => {
        const first = await costOf(provider, stack, files);
        const again = await costOf(provider, stack, files);
        const copied = await Promise.all(files.map((file) => otherBytes(file, copies)));
        const sameText = await costOf(provider, stack, copied);
        const edits = await Promise.all(files.map((file) => onePageEdited(file, copies)));
        const edited = await costOf(
          provider,
          stack,
          edits.map(({ path }) => path),
        );
        const pages = edits.map(({ page }) => page);
        const touched = await chunksOn(databaseUrl, edited.documentIds, pages);
        return {
          figures: {
            documents: files.length,
            first_chunks: first.chunks,
            first_texts_embedded: first.texts,
            first_calls: first.calls,
            provider_calls_unchanged: again.calls + sameText.calls,
            one_page_texts_embedded: edited.texts,
            one_page_calls: edited.calls,
            one_page_chunks_touched: touched,
            share_reembedded_one_page: edited.texts / edited.chunks,
            share_touching_one_page: touched / edited.chunks,
          },
        };
      }),
    );
  return withCleanUp(measure, () => provider.close());
}

/** Uploads the files and counts the calls and texts that the provider gets. */
async function costOf(provider: OpenAiServer, stack: RunningStack, files: readonly string[]) {
  const before = provider.requests.length;
  const run = await ingestAll(stack, files);
  const requests = provider.requests.slice(before);
  return { ...run, calls: requests.length, texts: sum(requests.map(({ input }) => input.length)) };
}

/** Counts the chunks that contain text of the page named for their document. */
async function chunksOn(
  databaseUrl: string,
  documentIds: readonly string[],
  pages: readonly number[],
): Promise<number> {
  const { count } = await withDatabase(databaseUrl, 1, ({ sql }) =>
    sql.one<{ count: number }>(
      `SELECT count(*)::integer AS count FROM document_chunks c
       JOIN unnest($<documentIds>::uuid[], $<pages>::integer[]) AS edit (document_id, page) USING (document_id)
       WHERE edit.page BETWEEN c.page_start AND c.page_end`,
      { documentIds, pages },
    ),
  );
  return count;
}

/** Copies keep the name of their file, which is embedded with the texts of a document without a title. */
async function pathIn(folder: string, file: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  return join(folder, basename(file));
}

/** Writes the PDF with a comment after its end, which changes no text. @returns the path of the copy. */
async function otherBytes(file: string, folder: string): Promise<string> {
  const path = await pathIn(join(folder, 'same-text'), file);
  await writeFile(path, Buffer.concat([await readFile(file), Buffer.from('\n% again\n')]));
  return path;
}

/** Writes the PDF with one more line on its middle page. @returns the path of the copy and that page. */
async function onePageEdited(file: string, folder: string): Promise<{ path: string; page: number }> {
  const document = await PDFDocument.load(await readFile(file), { password: '' });
  const font = await document.embedFont(StandardFonts.Helvetica);
  const index = Math.floor(document.getPageCount() / 2);
  const { node } = document.getPage(index);
  node.normalize();
  const fontName = node.newFontDictionary('Edit', font.ref);
  const text = 'The figures on this page were restated after the year had ended.';
  const line = document.context.stream(`BT ${fontName} 10 Tf 72 60 Td (${text}) Tj ET`);
  // It goes before all other content, because many pages leave the coordinates changed at their end.
  node.lookup(PDFName.of('Contents'), PDFArray).insert(0, document.context.register(line));
  const path = await pathIn(join(folder, 'edited'), file);
  await writeFile(path, await document.save());
  return { path, page: index + 1 };
}
