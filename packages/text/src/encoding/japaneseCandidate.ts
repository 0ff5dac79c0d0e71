import { Candidate, type Fit } from './candidate';

const encodings = ['shift_jis', 'euc-jp'] as const;
const kana = /[\u3041-\u30ff]/gu;
const japanese = /[\u3000-\u30ff\p{Script=Han}\uff01-\uff60]/gu;
const notAscii = /[^\0-\x7f]/gu;
/** Any Japanese text has this share of hiragana and katakana. Accented letters read as Japanese give hardly any. */
const minKana = 0.1;
/** The share of characters beyond ASCII that are Japanese. */
const minJapanese = 0.9;
const minCharacters = 3;

/** A Japanese encoding that nothing declares. */
export class JapaneseCandidate extends Candidate {
  private kana = 0;
  private japanese = 0;
  private notAscii = 0;

  constructor(encoding: (typeof encodings)[number]) {
    super(encoding, true);
  }

  override end(): Fit | null {
    const isJapanese = this.japanese >= minJapanese * this.notAscii && this.kana >= minKana * this.notAscii;
    return isJapanese && this.kana >= minCharacters ? super.end() : null;
  }

  protected override isText(text: string): boolean {
    this.kana += text.match(kana)?.length ?? 0;
    this.japanese += text.match(japanese)?.length ?? 0;
    this.notAscii += text.match(notAscii)?.length ?? 0;
    return super.isText(text);
  }
}

export function japaneseCandidates(): JapaneseCandidate[] {
  return encodings.map((encoding) => new JapaneseCandidate(encoding));
}
