import type { ModelDefaults } from '../providerModule';

const forPassages = 'Represent this sentence for searching relevant passages: ';
const forWebSearch = 'Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:';

/** For a model that is not in the list. Many models take 512 tokens, and few take less. */
const unknown: ModelDefaults = { queryPrefix: '', documentPrefix: '', maxTokens: 512 };

/**
 * The models that people run, by their names on Hugging Face and Ollama. The first pattern that fits decides. Sources are the
 * model cards (https://huggingface.co/ and the name):
 * - nomic-ai/nomic-embed-text-v1.5: "the text prompt must include a task instruction prefix". Ollama's has 2048 tokens.
 * - intfloat/multilingual-e5-large-instruct, intfloat/e5-mistral-7b-instruct: an instruction before the query only.
 * - intfloat/e5-base-v2, intfloat/multilingual-e5-base: 'Each input text should start with "query: " or "passage: "'.
 * - BAAI/bge-m3: no instruction. BAAI/bge-base-en-v1.5, BAAI/bge-base-zh-v1.5: an instruction before the query.
 * - Snowflake/snowflake-arctic-embed-l-v2.0: the prompt "query: ". Snowflake/snowflake-arctic-embed-m-v1.5: as bge.
 * - Alibaba-NLP/gte-modernbert-base: none.
 * - google/embeddinggemma-300m: the prompts "task: search result | query: " and "title: none | text: ".
 * - mixedbread-ai/mxbai-embed-large-v1: as bge. Qwen/Qwen3-Embedding-0.6B: an instruction before the query, without a space.
 * - sentence-transformers/all-MiniLM-L6-v2: none, 256 tokens. all-MiniLM-L12-v2, paraphrase-multilingual-mpnet-base-v2: 128.
 * - OpenAI (https://platform.openai.com/docs/guides/embeddings): none, 8192 tokens.
 */
const presets: readonly [RegExp, Partial<ModelDefaults>][] = [
  [/^text-embedding-(3|ada)/, { maxTokens: 8_192 }],
  [/^nomic-embed-text-v2/, { queryPrefix: 'search_query: ', documentPrefix: 'search_document: ' }],
  [/^nomic-embed-text/, { queryPrefix: 'search_query: ', documentPrefix: 'search_document: ', maxTokens: 2_048 }],
  [/(^|-)e5-mistral-7b-instruct/, { queryPrefix: `${forWebSearch} `, maxTokens: 4_096 }],
  [/(^|-)e5-\w+-instruct/, { queryPrefix: `${forWebSearch} ` }],
  [/(^|-)e5-(small|base|large)/, { queryPrefix: 'query: ', documentPrefix: 'passage: ' }],
  [/^bge-m3/, { maxTokens: 8_192 }],
  [/^bge-(small|base|large)-zh/, { queryPrefix: '为这个句子生成表示以用于检索相关文章：' }],
  [/^bge-(small|base|large)(-en|$)/, { queryPrefix: forPassages }],
  [/^snowflake-arctic-embed(2|-[ml]-v2)/, { queryPrefix: 'query: ', maxTokens: 8_192 }],
  [/^snowflake-arctic-embed-m-long/, { queryPrefix: forPassages, maxTokens: 2_048 }],
  [/^snowflake-arctic-embed/, { queryPrefix: forPassages }],
  [/^gte-modernbert/, { maxTokens: 8_192 }],
  [
    /^embeddinggemma/,
    { queryPrefix: 'task: search result | query: ', documentPrefix: 'title: none | text: ', maxTokens: 2_048 },
  ],
  [/^mxbai-embed-large/, { queryPrefix: forPassages }],
  [/^qwen3-embedding/, { queryPrefix: forWebSearch, maxTokens: 8_192 }],
  [/^all-minilm-l12|^paraphrase-multilingual/, { maxTokens: 128 }],
  [/^all-minilm/, { maxTokens: 256 }],
];

/** Returns how the card of a model says to use it. Owner, tag and case do not matter: "BAAI/bge-m3", "bge-large:335m". */
export function presetOf(model: string): ModelDefaults {
  const name = model.toLowerCase().replace(/^.*\//, '').replace(/:.*$/, '');
  const [, preset] = presets.find(([pattern]) => pattern.test(name)) ?? [];
  return { ...unknown, ...preset };
}
