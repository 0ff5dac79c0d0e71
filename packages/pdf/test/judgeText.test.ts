import { guessCodeMap } from '../src/layer/codeMaps';
import { isBetterReading } from '../src/layer/compare';
import { judgeText } from '../src/layer/judgeText';
import { riverText } from './placedText';

const shifted = (text: string, by: number) =>
  Array.from(text, (character) =>
    character === ' ' ? ' ' : String.fromCharCode(Math.max(33, character.charCodeAt(0) + by)),
  ).join('');
const decoded = (encoding: string, bytes: readonly number[]) =>
  new TextDecoder(encoding).decode(Uint8Array.from(bytes));
/** Lines of characters from `alphabet`, in no order. */
function atRandom(alphabet: string, { lines, length }: { lines: number; length: number }): string {
  let state = 7;
  const next = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return alphabet[Math.floor((state / 2_147_483_648) * alphabet.length)];
  };
  return Array.from({ length: lines }, () => Array.from({ length }, next).join('')).join('\n');
}
const capitals = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const russian = 'Мельница стоит у реки и мелет муку для всей долины, и колесо её не останавливается ни днём, ни ночью.';

test.each([
  ['English', riverText],
  [
    'Czech',
    'Peněžní prostředky na účtech jsou vedeny v českých korunách a jejich hodnota se každý den přepočítává podle kurzu.',
  ],
  [
    'Vietnamese',
    'Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi, có lý trí và lương tâm.',
  ],
  ['Russian', russian],
  [
    'Greek',
    'Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα, με λογική και συνείδηση.',
  ],
  ['Arabic', 'يولد جميع الناس أحراراً متساوين في الكرامة والحقوق وقد وهبوا عقلاً وضميراً وعليهم أن يعامل بعضهم بعضاً'],
  [
    'Chinese',
    '人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。人人有资格享有本宣言',
  ],
  ['capitals', riverText.toUpperCase()],
])('When a text is %s, then it is convincing', (_, text) => {
  expect(judgeText(text)).toMatchObject({ garbled: 0, isConvincing: true });
});

test.each([
  ['Hindi', 'सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। उन्हें बुद्धि और अन्तरात्मा'],
  ['Thai', 'มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม'],
  ['a table of numbers', 'Total\t1,234.5\t(67.8)\n2024\t2023\n$\t12,345\t$\t9,876\n—\t—\n3.2%\t(1.1)%'],
  ['formulas', 'f(x) = ∫ e^{-x²/2} dx, ∀ε>0 ∃δ: |x−y|<δ ⇒ |f(x)−f(y)|<ε\nαβγ + δ = λ₁∑ᵢ xᵢ²'],
  ['program text', 'for (let i = 0; i < n; i++) {\n  sum += values[i] ?? 0;\n}\nconst fdMap = new Map<number, Fd>();'],
  ['names of parts', 'RTX-4090 GPU 24GB GDDR6X\nXC7Z020-CLG484\nSTM32F407VGT6'],
  [
    'phonetics',
    'ˈpʰəʊ.nə.tɪks /fəˈnetɪks/ ˈlæŋˌɡwɪdʒ ˈtʰiːˌtʃʰɑː ˈwɔːˌtʰə ˈʃʌˌtʰə ˈkʰæˌbɪdʒ ˈʒʷæː ˈdʰaː ˈɡʰʱoː ˈʔoːˌʔeː ˈŋʷiː',
  ],
  [
    'letters that are apostrophes',
    'Tʼááshíidiʼígíí tʼáá ałʼąą ádaatʼéego ńdahoołkaʼ; oʻzbek tilidagi soʻzlar maʼnosi gʻoya',
  ],
  [
    'formulas of Greek letters alone',
    'αβγδ\nΔΕΖΗ ΘΙΚΛ\nμνξο\nπρστ\nυφχψω\nθφψ ηξζ\nαγβ δθω\nψφω σκτ\nΩΨΦ ΧΥΤ ΣΡΠ'.repeat(3),
  ],
  [
    'formulas of tensors',
    'Γμνλ=12gλσ(∂μgσν+∂νgμσ−∂σgμν)\nRρσμν=∂μΓρνσ−∂νΓρμσ+ΓρμλΓλνσ−ΓρνλΓλμσ\nTμν=(ρ+p)uμuν+pgμν\nημν=ΛρμΛσνηρσ',
  ],
  ['base64', atRandom(`${capitals}${capitals.toLowerCase()}0123456789+/`, { lines: 12, length: 76 })],
  ['licence keys', atRandom(`${capitals}0123456789`, { lines: 20, length: 25 }).replace(/(.{5})(?=.)/gu, '$1-')],
  ['hexadecimal numbers', atRandom('0123456789abcdef', { lines: 12, length: 64 })],
  ['genes', atRandom('ACGT', { lines: 12, length: 60 })],
  ['a protein', atRandom('AAARRNDCEEEQGGGHIILLLLKKMFPPSSSTTTWYVVV', { lines: 12, length: 60 })],
  ['a form', '☐ Yes ☐ No\nName ________ Date ____/____/____\nSSN XXX-XX-XXXX'],
  ['a short page', 'iv'],
  ['nothing', ''],
])('When a text is %s, then it is not garbled', (_, text) => {
  expect(judgeText(text).garbled).toBe(0);
});

test.each([
  ['shifted by 29', shifted(riverText, -29)],
  [
    'a title shifted by 29',
    shifted('FINANCIAL STATEMENTS\nGoodwill and purchased intangibles and other assets of the mill', -29),
  ],
  ['shifted by 1', shifted(riverText.toLowerCase(), 1)],
  ['replacement characters', riverText.replace(/[aeiou]/gu, '\ufffd')],
  [
    'private use',
    Array.from(riverText, (one) => (one === ' ' ? ' ' : String.fromCharCode(0xf000 + one.charCodeAt(0)))).join(''),
  ],
  ['bytes in the wrong order', Array.from(riverText, (one) => String.fromCharCode(one.charCodeAt(0) << 8)).join('')],
  [
    'Russian bytes read as Latin ones',
    decoded(
      'latin1',
      Array.from(russian, (one) => (one === ' ' ? 32 : (one.charCodeAt(0) - 0x350) & 255)),
    ),
  ],
  ['letters of many scripts', Array.from({ length: 200 }, (_, at) => 'aжλ中ب'[at % 5]).join('')],
  [
    'ideographs by chance',
    Array.from({ length: 200 }, (_, at) => String.fromCharCode(0x4e00 + ((at * 7919) % 20_000))).join(''),
  ],
])('When a text is %s, then it is garbled', (_, text) => {
  expect(judgeText(text).garbled).toBeGreaterThan(0.9);
});

test('When a third of a text is garbled, then a third is', () => {
  const text = [riverText, shifted(riverText, -29), riverText]
    .map((one) => one.replace(/(.{60}) /gu, '$1\n'))
    .join('\n');
  expect(judgeText(text).garbled).toBeCloseTo(1 / 3, 0);
  expect(judgeText(text).garbled).toBeGreaterThan(0.2);
});

test('When another reading has a fraction of the text, then it is not the better one', () => {
  const wrong = { text: shifted(riverText, -29) };
  expect(isBetterReading({ text: riverText }, wrong)).toBe(true);
  expect(isBetterReading({ text: riverText.slice(0, 80) }, wrong)).toBe(false);
});

test.each([
  ['a sequence of genes', Array.from({ length: 1_200 }, (_, at) => 'ACGT'[(at * at + (at >> 3)) % 4]).join('')],
  ['a cipher', shifted(riverText.toUpperCase(), 3)],
  ['marks', 'XOXXO OXXOX XXOOX OXOXO '.repeat(20)],
])('When a text is %s, then it is not taken for codes of other characters', (_, text) => {
  expect(guessCodeMap(Array.from(text, (one) => one.charCodeAt(0)))).toBeNull();
});
