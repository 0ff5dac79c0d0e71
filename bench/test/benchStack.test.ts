import { loadConfig } from '@millrace/config';
import { withStaticProvider } from '../src/benchStack';

describe('withStaticProvider', () => {
  it('When the environment names a current and a next model, then the static one is current and none is next', () => {
    const environment = {
      DATABASE_URL: 'postgresql://localhost/millrace',
      REDIS_URL: 'redis://localhost',
      EMBEDDING_PROVIDER: 'openai',
      EMBEDDING_MODEL: 'another',
      EMBEDDING_DIMENSIONS: '3',
      OPENAI_API_KEY: 'key',
      NEXT_EMBEDDING_PROVIDER: 'openai',
      NEXT_EMBEDDING_MODEL: 'a-third',
      NEXT_EMBEDDING_DIMENSIONS: '4',
      NEXT_OPENAI_API_KEY: 'key',
      NEXT_OPENAI_BASE_URL: 'http://localhost:1',
    };
    expect(loadConfig(environment)).toMatchObject({
      embedding: { model: 'another' },
      nextEmbedding: { model: 'a-third' },
    });
    expect(loadConfig(withStaticProvider(environment))).toMatchObject({
      embedding: { provider: 'static', model: 'millrace-static-v2', dimensions: 768 },
      nextEmbedding: null,
    });
  });
});
