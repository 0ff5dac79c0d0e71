import { presetOf } from '../src/openai/modelPresets';

const nomic = ['search_query: ', 'search_document: '];
const e5 = ['query: ', 'passage: '];
const bge = ['Represent this sentence for searching relevant passages: ', ''];
const gemma = ['task: search result | query: ', 'title: none | text: '];
const instruct = 'Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:';
const none = ['', ''];

test.each([
  ['nomic-ai/nomic-embed-text-v1.5', nomic, 2_048],
  ['nomic-embed-text', nomic, 2_048],
  ['nomic-embed-text:v1.5', nomic, 2_048],
  ['hf.co/nomic-ai/nomic-embed-text-v1.5-GGUF:Q8_0', nomic, 2_048],
  ['nomic-embed-text-v2-moe:latest', nomic, 512],
  ['intfloat/e5-base-v2', e5, 512],
  ['intfloat/multilingual-e5-large', e5, 512],
  ['yxchia/multilingual-e5-base', e5, 512],
  ['jeffh/intfloat-e5-base-v2:f16', e5, 512],
  ['intfloat/multilingual-e5-large-instruct', [`${instruct} `, ''], 512],
  ['intfloat/e5-mistral-7b-instruct', [`${instruct} `, ''], 4_096],
  ['BAAI/bge-small-en-v1.5', bge, 512],
  ['bge-large:335m', bge, 512],
  ['BAAI/bge-base-zh-v1.5', ['为这个句子生成表示以用于检索相关文章：', ''], 512],
  ['BAAI/bge-m3', none, 8_192],
  ['bge-m3:567m', none, 8_192],
  ['Snowflake/snowflake-arctic-embed-m-v1.5', bge, 512],
  ['snowflake-arctic-embed:335m', bge, 512],
  ['Snowflake/snowflake-arctic-embed-l-v2.0', ['query: ', ''], 8_192],
  ['snowflake-arctic-embed2', ['query: ', ''], 8_192],
  ['Alibaba-NLP/gte-modernbert-base', none, 8_192],
  ['google/embeddinggemma-300m', gemma, 2_048],
  ['embeddinggemma', gemma, 2_048],
  ['mxbai-embed-large', bge, 512],
  ['Qwen/Qwen3-Embedding-0.6B', [instruct, ''], 8_192],
  ['text-embedding-3-small', none, 8_192],
  ['openai/text-embedding-3-large', none, 8_192],
  ['all-minilm:l6-v2', none, 256],
  ['sentence-transformers/all-MiniLM-L12-v2', none, 128],
  ['paraphrase-multilingual', none, 128],
  ['a-model-that-nobody-knows', none, 512],
])('When the model is %s, then it is used as its card says', (model, [queryPrefix, documentPrefix], maxTokens) => {
  expect(presetOf(model)).toEqual({ queryPrefix, documentPrefix, maxTokens });
});
