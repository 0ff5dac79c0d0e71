// Looked up once: inside a vm context, where tests run, every use of a global is a slow call out of it.
const { imul } = Math;

const wordSeed = 1;
const checkSeed = 2;

/** The 32-bit hash that names a word, stem or number as a feature. */
export function featureHash(text: string): number {
  return hash32(text, wordSeed);
}

/** A second, independent 32-bit hash; both together identify a word of the table without storing its letters. */
export function checkHash(text: string): number {
  return hash32(text, checkSeed);
}

/** The feature of two neighbours; their order matters. */
export function pairHash(first: number, second: number): number {
  return scramble(imul(first, 0x01000193) ^ second ^ 0x9e3779b9);
}

/** 32-bit FNV-1a over UTF-16 code units, finished as MurmurHash3 does so that every bit depends on every letter. */
function hash32(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) {
    hash = imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return scramble(hash);
}

function scramble(value: number): number {
  let hash = value;
  hash ^= hash >>> 16;
  hash = imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return hash >>> 0;
}
