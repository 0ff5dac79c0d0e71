import { join } from 'node:path';
import { z } from 'zod';
import { defineProvider } from '../providerModule';
import { staticProvider } from '../static/staticProvider';

/** The model's name. Change it whenever the same text would get another vector. */
const model = 'millrace-static-v2';
const dimensions = 768;

/** Word vectors in this process: no key, no network, no GPU. For trying out and testing. */
export const staticVectors = defineProvider({
  name: 'static',
  description: 'word vectors, offline and without a key, for trying out and testing.',
  defaultModel: model,
  inProcess: true,
  variables: {
    STATIC_EMBEDDING_FILE: z.string().trim().min(1, 'must not be blank').optional().meta({
      description:
        'The file with the word vectors of the static provider. Without it, STATE_DIR/static-embedding.bin, which the npm commands make.',
      example: '.millrace/static-embedding.bin',
    }),
  },
  checkModel(given) {
    const problems = [];
    if (given.model !== model) {
      problems.push({
        variable: 'EMBEDDING_MODEL',
        message: `must be ${model} or not set: the static provider has no other model`,
      });
    }
    if (given.dimensions !== dimensions) {
      problems.push({
        variable: 'EMBEDDING_DIMENSIONS',
        message: `must be ${dimensions}: the static provider makes no other vectors`,
      });
    }
    return problems;
  },
  defaultsOf() {
    // The average of the words of a text takes any number of them.
    return { queryPrefix: '', documentPrefix: '', maxTokens: 8_192 };
  },
  async create({ settings, stateDir }) {
    return staticProvider(settings.STATIC_EMBEDDING_FILE ?? join(stateDir, 'static-embedding.bin'), dimensions);
  },
});
