import { alphabetBits, classOf, commonBit, groupBits, ideographBit, letterBits, pairScores, wrongBit } from './letters';
import { isNotLanguage } from './notLanguage';

/** The lines of a text are judged together until they have this many characters. A part of a page may be wrong. */
const blockCharacters = 120;
/** Longer texts are judged by every third block, because this runs for every page. */
const longText = 1_000;
const skippedCharacters = 2 * blockCharacters;
/** Fewer pairs say little: names and abbreviations have strange ones. */
const minPairs = 25;
/** The mean score of pairs from which on a text is certainly one, and how many pairs it takes. */
const goodPairScore = 0.3;
const goodPairs = 12;
/** The share of ideographs that are common. Texts have about two in three, codes by chance one in twenty. */
const minCommon = 0.12;
const goodCommon = 0.3;
/** The share of neighbouring letters that are of different scripts. */
const maxSwitches = 0.3;
/** The share of characters that no text has. */
const maxWrong = 0.3;
/** The share of letters that are accented ones of Western Europe: bytes of another encoding. Vietnamese has one in three. */
const maxAccented = 0.65;
/** The share of characters whose second byte is 0: the bytes of plain text in the wrong order. */
const maxSwapped = 0.6;

export interface Judgement {
  /** The share (0 to 1) of the characters that are in blocks which cannot be right. */
  garbled: number;
  /** True when most of the text is letters that follow each other as in a language. */
  isConvincing: boolean;
  /** How well the letters follow each other: 0 as by chance, 1 as in most texts. */
  score: number;
}

/** Judges by its characters alone whether a text can be one, in any language. Numbers, codes and short texts can be. */
export function judgeText(text: string): Judgement {
  const all = new Counts();
  let garbled = 0;
  for (let at = 0; at < text.length; ) {
    const counts = new Counts();
    const from = at;
    at = counts.count(text, from);
    const isGarbled = counts.isNoText() || (counts.isNoLanguage() && !isNotLanguage(text.slice(from, at)));
    garbled += isGarbled ? counts.characters : 0;
    all.add(counts);
    if (text.length > longText) {
      const end = text.indexOf('\n', at + skippedCharacters);
      at = end < 0 ? text.length : end;
    }
  }
  return {
    garbled: garbled / Math.max(1, all.characters),
    isConvincing: garbled === 0 && all.isLanguage(),
    score: all.score,
  };
}

/** What was counted in a block of lines. */
class Counts {
  characters = 0;
  private wrong = 0;
  private swapped = 0;
  private letters = 0;
  private accented = 0;
  private neighbours = 0;
  private switches = 0;
  private pairs = 0;
  private pairSum = 0;
  private ideographs = 0;
  private common = 0;

  /**
   * Counts whole lines, from `at` until there are enough characters. Returns where the next block begins.
   * It runs for every character of every page, so it allocates nothing.
   */
  count(text: string, at: number): number {
    let { characters, wrong, swapped, letters, accented, neighbours, switches, pairs, pairSum, ideographs, common } =
      this;
    let before = 0;
    let index = at;
    for (; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit === 10 && characters >= blockCharacters) {
        index++;
        break;
      }
      if (unit <= 32) {
        before = 0;
        if (unit !== 32 && unit !== 10 && unit !== 9) {
          characters++;
          wrong++;
        }
        continue;
      }
      const found = classOf(unit);
      characters++;
      if ((found & groupBits) !== 0) {
        letters++;
        if (before !== 0) {
          neighbours++;
          if (((before ^ found) & groupBits) !== 0) {
            switches++;
          } else if ((found & alphabetBits) !== 0 && ((before ^ found) & alphabetBits) === 0) {
            pairs++;
            const at = ((found & alphabetBits) << 6) + ((before & letterBits) << 6) + (found & letterBits);
            pairSum += pairScores[at] as number;
          }
        }
        before = found;
      } else {
        before = 0;
      }
      if (unit > 127) {
        wrong += (found & wrongBit) === 0 ? 0 : 1;
        swapped += (unit & 255) === 0 ? 1 : 0;
        accented += unit >= 0xc0 && unit <= 0xff ? 1 : 0;
        ideographs += (found & ideographBit) === 0 ? 0 : 1;
        common += (found & commonBit) === 0 ? 0 : 1;
      }
    }
    this.characters = characters;
    this.wrong = wrong;
    this.swapped = swapped;
    this.letters = letters;
    this.accented = accented;
    this.neighbours = neighbours;
    this.switches = switches;
    this.pairs = pairs;
    this.pairSum = pairSum;
    this.ideographs = ideographs;
    this.common = common;
    return index;
  }

  add(other: Counts): void {
    this.characters += other.characters;
    this.letters += other.letters;
    this.pairs += other.pairs;
    this.pairSum += other.pairSum;
    this.ideographs += other.ideographs;
    this.common += other.common;
  }

  /** True for characters that no text has. */
  isNoText(): boolean {
    return (
      (this.wrong >= 3 && this.wrong > maxWrong * this.characters) ||
      (this.swapped >= 8 && this.swapped > maxSwapped * this.characters) ||
      (this.accented >= 12 && this.accented > maxAccented * this.letters) ||
      (this.ideographs >= 40 && this.common < minCommon * this.ideographs)
    );
  }

  /** True for letters that follow each other as in no language. */
  isNoLanguage(): boolean {
    return (
      (this.neighbours >= 20 && this.switches > maxSwitches * this.neighbours) ||
      (this.pairs >= minPairs && this.pairSum < minPairScore(this.pairs) * this.pairs)
    );
  }

  get score(): number {
    return this.pairSum / Math.max(1, this.pairs);
  }

  isLanguage(): boolean {
    const isWords = this.pairs >= goodPairs && this.score > goodPairScore;
    const isIdeographs = this.ideographs >= goodPairs && this.common > goodCommon * this.ideographs;
    return this.letters > 0.5 * this.characters && (isWords || isIdeographs);
  }
}

/**
 * The mean score that no text of so many pairs falls below: it varies less where there are more pairs. Texts in 410
 * languages have about 1; letters by chance, or shifted in the alphabet, about -1.5.
 */
function minPairScore(pairs: number): number {
  return -0.4 - 5 / Math.sqrt(pairs);
}
