import { contentHashOf } from '@millrace/contracts';
import { contextOf, type EmbeddingProvider, mostTokensOf } from '@millrace/embeddings';
import type { ClaimedChunk } from '@millrace/lifecycle';
import type { EmbeddableChunk } from './heldClaim';

/** The tokens of chunks are counted with one tokenizer, and that of a model may make a tenth more. */
const usableShare = 0.9;

/** Adds what the model embeds of a chunk: its text, and before it the title and headings where the model is used with them. */
export function embeddableChunk(chunk: ClaimedChunk, provider: EmbeddingProvider): EmbeddableChunk {
  const { payload, contentHash, title, filename } = chunk;
  const { text, section, tokenCount } = payload;
  const room = provider.maxTokens * usableShare - tokenCount - mostTokensOf(provider.documentPrefix);
  const context = provider.context === 'none' ? '' : contextOf({ title, filename, section }, room);
  const embeddedText = context === '' ? text : `${context}\n\n${text}`;
  return { ...chunk, embeddedText, embeddingHash: context === '' ? contentHash : contentHashOf(embeddedText) };
}
