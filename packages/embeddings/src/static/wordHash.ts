// Read once: in a vm context, where tests run, each use of a global is a slow call.
const { imul } = Math;

const wordSeed = 1;
const checkSeed = 2;

/** Returns the 32-bit hash that identifies a word, stem or number as a feature. */
export function featureHash(text: string): number {
  return hash32(text, wordSeed);
}

/** Returns a second, independent 32-bit hash. Both together identify a word of the table without its letters. */
export function checkHash(text: string): number {
  return hash32(text, checkSeed);
}

/** Returns the hash of two neighbouring features. Their order matters. */
export function pairHash(first: number, second: number): number {
  return finalize(imul(first, 0x01000193) ^ second ^ 0x9e3779b9);
}

/** 32-bit FNV-1a over UTF-16 code units. The finalizer of MurmurHash3 then makes every bit depend on every letter. */
function hash32(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) {
    hash = imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return finalize(hash);
}

function finalize(value: number): number {
  let hash = value;
  hash ^= hash >>> 16;
  hash = imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return hash >>> 0;
}
