import { z } from 'zod';
import { count } from './common';
import { emailAddress, givenPassword } from './users';

const refreshToken = z.string().min(1).max(200).describe('The refresh token of the last answer.');

export const tokenRequestSchema = z
  .discriminatedUnion('grant_type', [
    z
      .object({
        grant_type: z.literal('password').describe('Signs in.'),
        email: emailAddress.describe('The e-mail address of the user.'),
        password: givenPassword,
      })
      .strict(),
    z
      .object({
        grant_type: z.literal('refresh_token').describe('Goes on with a sign-in.'),
        refresh_token: refreshToken,
      })
      .strict(),
  ])
  .meta({ id: 'TokenRequest' });

export const tokenResponseSchema = z
  .object({
    access_token: z.string().describe('Send it as Authorization: Bearer TOKEN.'),
    token_type: z.literal('Bearer').describe('Always Bearer.'),
    expires_in: count.describe('How long the access token is valid, in seconds.'),
    refresh_token: z.string().describe('Exchange it for new tokens, once. A second use ends the sign-in.'),
  })
  .meta({ id: 'Tokens' });

export const signOutRequestSchema = z
  .object({
    refresh_token: refreshToken,
    everywhere: z.boolean().default(false).describe('Ends every sign-in of the user.'),
  })
  .strict()
  .meta({ id: 'SignOutRequest' });

export const jwksSchema = z
  .object({
    keys: z
      .array(
        z.object({
          kty: z.string().describe('The type of the key.'),
          crv: z.string().describe('The curve.'),
          x: z.string().describe('The public key.'),
          kid: z.string().describe('The id, which tokens name.'),
          alg: z.string().describe('The algorithm.'),
          use: z.string().describe('What the key is for.'),
        }),
      )
      .describe('The newest key, which signs, and those whose tokens are still accepted.'),
  })
  .meta({ id: 'PublicKeys', description: 'A JSON Web Key Set (RFC 7517).' });

export const rotatedKeySchema = z
  .object({ key_id: z.string().describe('The id of the new key.') })
  .meta({ id: 'RotatedKey' });
