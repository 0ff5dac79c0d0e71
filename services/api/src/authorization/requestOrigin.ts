import { addressOf } from '../limits/addresses';
import type { Authenticate } from './authentication';

/** Adds to the principal where its request came from, so that the audit log has it with every act. */
export function withOrigin(authenticate: Authenticate): Authenticate {
  return async (request, rateClass) => ({
    ...(await authenticate(request, rateClass)),
    address: addressOf(request),
    requestId: String(request.id),
  });
}
