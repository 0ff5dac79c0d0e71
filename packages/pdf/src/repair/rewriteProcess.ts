import { readFile } from 'node:fs/promises';
import { MillraceError } from '@millrace/contracts/errors';
import { serveTasks } from '@millrace/process-pool';
import type { RewriteProtocol } from './rewriteProtocol';

/** Small enough to fit into the channel between the processes. */
const pieceBytes = 2 ** 20;

/** The program of the process that rewrites broken PDFs. It answers with the new file, piece by piece. See rewritePdf. */
serveTasks<RewriteProtocol>(async (path, { send }) => {
  const bytes = await readFile(path);
  const rewritten = await rewrite(bytes).catch((error: unknown) => {
    throw new MillraceError('PDF_CORRUPT', 'The PDF is broken beyond repair.', { cause: error });
  });
  for (let at = 0; at < rewritten.length; at += pieceBytes) {
    await send(rewritten.subarray(at, at + pieceBytes));
  }
  return undefined;
});

/** Copies the pages that are found into a new document. Saving the old one would keep what is broken in it. */
async function rewrite(bytes: Uint8Array): Promise<Uint8Array> {
  const { PDF } = await import('@libpdf/core');
  const broken = await PDF.load(bytes);
  const sound = PDF.create();
  await sound.copyPagesFrom(
    broken,
    Array.from({ length: broken.getPageCount() }, (_, index) => index),
  );
  return sound.save();
}
