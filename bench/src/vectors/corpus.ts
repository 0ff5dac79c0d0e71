import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DocumentChunker } from '@millrace/chunking';
import { openPdf } from '@millrace/pdf';
import { inputPdfs } from '../pdfs';

/** What the rows of a data set are made from. */
export interface Corpus {
  /** The sentences of each document, in order. */
  documents: string[][];
  /** Questions about these documents, if the folder has some beside it. */
  questions: string[];
  /** A hash of both. */
  digest: string;
}

/** Shorter sentences are names, numbers and cells. Longer ones are tables. */
const minWords = 5;
const maxWords = 60;

/** Part of the cache's name. It must change when sentences are cut differently. */
const version = 1;

/** Reads the sentences of a folder's PDFs. That takes about ten seconds, so they are cached in `cacheFolder`. */
export async function loadCorpus(folder: string | undefined, cacheFolder: string): Promise<Corpus> {
  const files = await inputPdfs(folder);
  const hash = createHash('sha256').update(`sentences ${version}`);
  for (const file of files) {
    hash.update(`\0${basename(file)}\0`).update(readFileSync(file));
  }
  const cache = join(cacheFolder, `sentences-${hash.digest('hex').slice(0, 16)}.json`);
  const documents = existsSync(cache) ? (JSON.parse(readFileSync(cache, 'utf8')) as string[][]) : await readAll(files);
  if (!existsSync(cache)) {
    mkdirSync(cacheFolder, { recursive: true });
    writeFileSync(`${cache}.${process.pid}`, JSON.stringify(documents));
    renameSync(`${cache}.${process.pid}`, cache);
  }
  return makeCorpus(documents, questionsBeside(dirname(files[0] ?? '')));
}

/** Makes a corpus. @throws Error when there are too few sentences for a set of different rows. */
export function makeCorpus(documents: string[][], questions: string[]): Corpus {
  const usable = documents.filter((sentences) => sentences.length > 0);
  const count = usable.reduce((sum, sentences) => sum + sentences.length, 0);
  if (count < 500) {
    throw new Error(`The PDFs have ${count} sentences; at least 500 are needed.`);
  }
  const digest = createHash('sha256')
    .update(JSON.stringify([usable, questions]))
    .digest('hex');
  return { documents: usable, questions, digest };
}

async function readAll(files: readonly string[]): Promise<string[][]> {
  const documents: string[][] = [];
  for (const file of files) {
    documents.push((await chunkTexts(file)).flatMap(sentencesOf));
  }
  return documents;
}

/** Returns the texts of a PDF's chunks as the chunker makes them, but without overlap, so that no sentence comes twice. */
async function chunkTexts(path: string): Promise<string[]> {
  const file = await openPdf(path);
  try {
    const chunker = new DocumentChunker({ maxTokens: 400, overlapTokens: 0, outline: file.info.outline });
    const texts: string[] = [];
    for (let page = 1; page <= file.info.pageCount; page++) {
      texts.push(...chunker.addPage(file.readPage(page)).map((chunk) => chunk.text));
    }
    texts.push(...chunker.finish().map((chunk) => chunk.text));
    return texts;
  } finally {
    file.close();
  }
}

function sentencesOf(text: string): string[] {
  return text
    .split(/\n+|(?<=[.!?;:])\s+(?=[A-Z“"(•])/)
    .map((sentence) => sentence.replace(/\s+/g, ' ').trim())
    .filter((sentence) => {
      const words = sentence.split(' ').filter((word) => /[A-Za-z]{2}/.test(word)).length;
      return words >= minWords && words <= maxWords;
    });
}

/** Reads the questions beside the folder of PDFs. */
function questionsBeside(folder: string): string[] {
  const file = join(dirname(folder), 'questions.jsonl');
  if (!existsSync(file)) {
    return [];
  }
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => (JSON.parse(line) as { question: string }).question);
}
