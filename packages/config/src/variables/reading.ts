import { chunkStrategySchema, ocrMode } from '@millrace/contracts';
import { decimal, group, languages, mebibyte, oneOf, wholeNumber } from './types';

export const reading = group({
  title: 'Reading and chunks',
  introduction:
    'An upload can choose its own OCR mode, chunk strategy, chunk size and overlap with the fields ocr, chunk_strategy, chunk_max_tokens and chunk_overlap_tokens.',
  variables: {
    READER_PROCESSES: wholeNumber(1, 64)
      .default(2)
      .describe('How many documents a chunker reads at the same time, each in its own process.'),
    COLLECTION_MAX_READING: wholeNumber(0, 10_000)
      .default(0)
      .describe(
        'How many documents of one collection are read at the same time, by all chunkers together. 0 is no limit. Collections take turns in any case; a limit keeps readers free for others while one collection uploads long books.',
      ),
    DOCUMENT_MAX_PAGES: wholeNumber(1, 1_000_000)
      .default(10_000)
      .describe(
        'A PDF with more pages fails, and so does a text with more form feeds. Other texts have no such limit.',
      ),
    DOCUMENT_MAX_CHARACTERS: wholeNumber(1_000, 1_000_000_000)
      .default(100_000_000)
      .describe(
        'A document with more text, in characters, fails, because a small file can hold very much text. The chunker keeps the text in memory until it is stored, so each chunk counts 400 characters more and each box 60. A document at this limit takes up to 400 MB, and each of READER_PROCESSES can read one.',
      ),
    DOCUMENT_TIMEOUT_MS: wholeNumber(1_000, 86_400_000)
      .default(1_800_000)
      .describe('The longest time for one document, OCR included.'),
    DOCUMENT_OPEN_TIMEOUT_MS: wholeNumber(1_000, 3_600_000)
      .default(120_000)
      .describe(
        'The longest time until the first page begins. A broken file is searched as a whole first, which takes 12 ms a MB.',
      ),
    READER_MAX_MEMORY_BYTES: wholeNumber(128 * mebibyte, 64 * 1024 * mebibyte)
      .default(1024 * mebibyte)
      .describe(
        'The most memory of a reading process (1 GiB): at least 128 MiB; OCR needs about 400 MB. A process that has read other documents is replaced when it passes 400 MiB. The same limit holds for the process of the API that removes a password.',
      ),
    PAGE_TIMEOUT_MS: wholeNumber(10, 3_600_000)
      .default(30_000)
      .describe(
        'The longest time for one page, OCR not included. A page of a PDF that takes longer, takes more than READER_MAX_MEMORY_BYTES or crashes its process fails alone: the document is read again without it. A text fails with its first such page.',
      ),
    DOCUMENT_MAX_LOST_PAGES: wholeNumber(0, 1_000)
      .default(10)
      .describe('A document with more pages that failed in this way fails as a whole.'),
    PDF_REPAIR_TIMEOUT_MS: wholeNumber(1_000, 3_600_000)
      .default(30_000)
      .describe(
        'A broken PDF that only a second engine can read is rewritten in a separate process. This is the time limit for that, within DOCUMENT_OPEN_TIMEOUT_MS. After it the document is tried again.',
      ),
    PDF_REPAIR_MAX_MEMORY_BYTES: wholeNumber(128 * mebibyte, 64 * 1024 * mebibyte)
      .default(768 * mebibyte)
      .describe('The most memory of that process (768 MiB).'),
    PDF_REPAIR_MAX_BYTES: wholeNumber(0, 1024 * mebibyte)
      .default(64 * mebibyte)
      .describe('The largest PDF that is rewritten (64 MiB). 0 turns that off.'),
    OCR_MODE: oneOf(ocrMode.options)
      .default('auto')
      .describe(
        'Which pages are read by OCR. off: none. auto: pages with little text and much other ink. on: all pages with little text that are not blank.',
      ),
    OCR_LANGUAGES: languages()
      .prefault('eng')
      .describe(
        "The languages of those pages: Tesseract's codes joined by +, the most frequent first. Two take two or three times as long as one. eng, deu, fra and spa are installed. For another one, the chunker names the command that adds it.",
      ),
    OCR_MAX_PAGES: wholeNumber(0, 100_000)
      .default(200)
      .describe(
        'How many pages of one document are read by OCR. The pages beyond, and those that would begin after three quarters of DOCUMENT_TIMEOUT_MS, fail with OCR_LIMIT. A page keeps its text if that is more than a page number and no image covers most of the page.',
      ),
    OCR_PAGE_TIMEOUT_MS: wholeNumber(100, 3_600_000)
      .default(60_000)
      .describe('The longest time for the OCR of one page.'),
    CHUNK_STRATEGY: oneOf(chunkStrategySchema.options)
      .default('structure')
      .describe(
        'How text is divided into chunks. structure: along sections, with whole paragraphs, lists and table rows. fixed: each chunk as full as possible. page: a new chunk with each page.',
      ),
    CHUNK_MAX_TOKENS: wholeNumber(16, 8_000).default(400).describe('The most tokens of a chunk.'),
    CHUNK_OVERLAP_TOKENS: wholeNumber(0, 4_000)
      .default(50)
      .describe('How many tokens a chunk repeats from the one before: at most half of CHUNK_MAX_TOKENS.'),
  },
});

export const searches = group({
  title: 'Searches',
  variables: {
    SEARCH_EFFORT: decimal(0.1, 10)
      .default(1)
      .describe(
        'How much of the vector index a search reads, as a multiple of the default for its kind: 0.1 to 10. A higher value finds more of the nearest chunks and takes longer (docs/database/vector-index.md; figures in docs/benchmarks.md).',
      ),
  },
});
