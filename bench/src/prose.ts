import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Words that are in every English text. */
const common =
  'the of and to in a is that for it as was with be by on not are this at from or an have which one their its will';

/** Words that a text is about. Each passage uses a few of them. */
const topical =
  'account acre agent anchor annual answer apple april archive asset autumn award bakery balance barge barley basin ' +
  'battery beam bearing beech board boiler bond bottle branch brass bread bridge broker budget cable canal candle ' +
  'capital cargo carpet cedar cement cereal charter chemical chimney circuit citizen claim clause clay client climate ' +
  'clinic coast coffee collector colony column committee company concrete contract copper cotton council counter county ' +
  'court crane credit creditor crew crop current customer dairy deposit depth desert design diesel director discount ' +
  'district dividend dock doctor drainage drought dust economy editor election electric employee energy engine engineer ' +
  'equity estate exchange export fabric factory farm feather ferry festival fibre field filter fleet flood flour forest ' +
  'foundry freight fuel furnace garden gate generator glacier glass goods grain granite gravel grid guarantee harbour ' +
  'harvest heating hedge helmet highway holding horse hospital hotel household import income index industry inspector ' +
  'insurance interest inventory invoice iron island journal judge kettle kitchen labour ladder lake lantern lease ' +
  'leather ledger lender library licence linen litigation livestock loan lumber machine magnet manager maple marble ' +
  'margin market meadow member merchant merger meter milk mineral minister mirror mortgage motor mountain museum ' +
  'network nickel notary oak oats office orchard order oven owner oxide packet paper parish parliament partner ' +
  'pasture patent pension pepper permit petrol pilot pipeline plain planet plant plastic platform pollen port potato ' +
  'pottery powder premium pressure price printer product profit propeller property pump quarry quarter railway rain ' +
  'ranch receipt recycling refinery registry rent repair reserve resin revenue rice ridge risk river road roof rope ' +
  'rubber sail salary salmon salt sand school season security sensor settlement shareholder sheep shelter shipping shore ' +
  'signal silk silver slate soil solar spice spring stable station statute steam steel storage storm street subsidy ' +
  'sugar summer supplier surgeon survey swamp tanker tariff tavern tax tea telegraph temple tenant textile theatre ' +
  'timber tin tobacco tower tractor trade treaty trust tunnel turbine union university valley valve vault vehicle ' +
  'vessel village vineyard voltage wage wagon warehouse waste water weather weaver weir wheat wheel wholesale willow ' +
  'winter wire wood wool workshop yard yeast zinc';

const commonWords = common.split(' ');
const topicalWords = topical.split(' ');
const wordsOfATopic = 30;

/**
 * Makes endless text from a seed. The same seed gives the same text, and no two passages are alike. The text means nothing,
 * but its words are real, so that vectors, tokens and the full-text index have their usual work.
 */
export class Prose {
  private readonly random;

  constructor(seed: number) {
    this.random = xoroshiro128plus(seed);
  }

  /** Returns sentences about one topic, with this many words in all. */
  passage(words: number): string {
    const topic = Array.from({ length: wordsOfATopic }, () => this.pick(topicalWords));
    const sentences: string[] = [];
    for (let left = words; left > 0; ) {
      const length = Math.min(left, this.int(8, 24));
      const sentence = Array.from({ length }, () => this.word(topic)).join(' ');
      sentences.push(`${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`);
      left -= length;
    }
    return sentences.join(' ');
  }

  /** Returns a heading of three to five words. */
  title(): string {
    const words = Array.from({ length: this.int(3, 5) }, () => this.pick(topicalWords)).join(' ');
    return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
  }

  /** Returns a number as reports print it. */
  amount(): string {
    return this.int(1_000, 9_999_999).toLocaleString('en-US');
  }

  private word(topic: readonly string[]): string {
    const kind = this.int(1, 100);
    if (kind <= 3) {
      return String(this.int(2, 9_999));
    }
    return this.pick(kind <= 45 ? commonWords : kind <= 90 ? topic : topicalWords);
  }

  private int(min: number, max: number): number {
    return uniformInt(this.random, min, max);
  }

  private pick(words: readonly string[]): string {
    return words[this.int(0, words.length - 1)] ?? '';
  }
}
