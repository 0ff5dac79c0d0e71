import { testApiKey } from '@millrace/test-support';
import type { Response } from 'supertest';
import type { TestApi } from './support';

/** What a browser does with the pages of the API: it keeps cookies, and says where a request comes from. */
export class TestBrowser {
  readonly cookies = new Map<string, string>();

  constructor(private readonly api: TestApi) {}

  async signIn(key: string = testApiKey, next = '/admin/queues'): Promise<Response> {
    return this.submit('/admin/sign-in', { key, next });
  }

  signInWithPassword(email: string, password: string, next = '/docs/'): Promise<Response> {
    return this.submit('/admin/sign-in', { email, password, next });
  }

  /** Opens a page. */
  async open(path: string): Promise<Response> {
    return this.keep(
      await this.api.anonymous
        .get(path)
        .redirects(0)
        .ok(() => true)
        .set({ cookie: this.header(), accept: 'text/html,*/*;q=0.8', 'sec-fetch-site': 'none' }),
    );
  }

  /** Sends the form of a page. */
  async submit(path: string, fields: Record<string, string>, site = 'same-origin'): Promise<Response> {
    return this.keep(
      await this.api.anonymous
        .post(path)
        .redirects(0)
        .ok(() => true)
        .type('form')
        .set({ cookie: this.header(), 'sec-fetch-site': site })
        .send(fields),
    );
  }

  /** The headers of a script of a page. Pages send the proof as axios does. */
  scriptHeaders(): Record<string, string> {
    return {
      cookie: this.header(),
      'sec-fetch-site': 'same-origin',
      'x-xsrf-token': this.cookies.get('XSRF-TOKEN') ?? '',
    };
  }

  header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  private keep(response: Response): Response {
    for (const cookie of setCookies(response)) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === '') {
        this.cookies.delete(name);
      } else {
        this.cookies.set(name, value);
      }
    }
    return response;
  }
}

/** The Set-Cookie fields of an answer. */
export function setCookies(response: Response): string[] {
  return (response.headers['set-cookie'] as unknown as string[] | undefined) ?? [];
}
