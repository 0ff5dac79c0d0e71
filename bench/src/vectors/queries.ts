import type { Corpus } from './corpus';
import { fragmentText, passageText } from './rowText';

/** How many queries have a known truth, beside the questions of the corpus. */
const queriesMade = 200;

/** Returns the queries with a known truth: fragments of sentences and whole passages in turn, then the questions. */
export function truthQueries(corpus: Corpus): string[] {
  const made = Array.from({ length: queriesMade }, (_, number) => madeQuery(corpus, number));
  return [...made, ...corpus.questions];
}

/** Returns other queries like them, all different, for load. Their truth is not known. */
export function moreQueries(corpus: Corpus, count: number): string[] {
  const known = new Set(truthQueries(corpus));
  const more = new Set<string>();
  for (let n = queriesMade; more.size < count; n += 1) {
    const query = madeQuery(corpus, n);
    if (!known.has(query)) {
      more.add(query);
    }
  }
  return [...more];
}

function madeQuery(corpus: Corpus, number: number): string {
  return number % 2 === 0 ? fragmentText(corpus, number) : passageText(corpus, number);
}
