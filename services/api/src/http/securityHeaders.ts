import type { RequestHandler } from 'express';
import helmet, { type HelmetOptions } from 'helmet';

const common: HelmetOptions = {
  // Only for this host: others below its domain may not have https.
  strictTransportSecurity: { includeSubDomains: false },
  xFrameOptions: { action: 'deny' },
};

/** The headers of answers for programs. A browser that is made to show one loads and runs nothing. */
export function apiHeaders(): RequestHandler {
  const policy = { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } };
  return withCaching(helmet({ ...common, contentSecurityPolicy: policy }), 'no-store');
}

/**
 * The headers of the pages for people. Swagger UI and Bull Board have inline styles, but no inline scripts. Nothing comes from
 * another host: Bull Board would load its fonts from Google.
 */
export function pageHeaders(): RequestHandler {
  const directives = {
    styleSrc: ["'self'", "'unsafe-inline'"],
    fontSrc: ["'self'"],
    frameAncestors: ["'none'"],
    upgradeInsecureRequests: null,
  };
  // The files of the pages are kept by the browser, which asks each time whether they have changed.
  return withCaching(helmet({ ...common, contentSecurityPolicy: { directives } }), 'private, no-cache');
}

function withCaching(headers: RequestHandler, caching: string): RequestHandler {
  return (request, response, next) => {
    response.setHeader('Cache-Control', caching);
    headers(request, response, next);
  };
}
