import * as openid from 'openid-client';
import { fetch } from 'undici';
import { z } from 'zod';
import type { OidcConfig } from '../../../config/console.js';
import { createProxyAgent, type Proxies } from '../../../lib/proxies.js';
import { type Role, roles } from '../../contract/rights.js';

/** What the browser keeps for us while it is at the issuer. */
export interface Journey {
  state: string;
  nonce: string;
  verifier: string;
}

/** Whom the issuer says it is. */
export interface Identified {
  /** Issuer and subject: it never changes, and is nobody else's. */
  identity: string;
  name: string;
  displayName: string;
  /** By the role claim. */
  role: Role | undefined;
}

/** The issuer of OpenID Connect: code flow with PKCE, state and nonce. */
export interface Oidc {
  begin(): Promise<{ url: string; journey: Journey }>;
  /** @throws when the answer is not the issuer's to this journey */
  finish(search: string, journey: Journey): Promise<Identified>;
}

const claimsSchema = z.looseObject({
  sub: z.string(),
  preferred_username: z.string().optional(),
  name: z.string().optional(),
  email: z.string().optional(),
  email_verified: z.boolean().optional(),
});

export function createOidc(config: OidcConfig, proxies: Proxies | undefined): Oidc {
  const { issuer, redirectUrl, roleClaim } = config;
  let known: Promise<openid.Configuration> | undefined;

  /** Asked once; again if that failed. */
  function issuerOf(): Promise<openid.Configuration> {
    known ??= discover(config, proxies).catch((error) => {
      known = undefined;
      throw error;
    });
    return known;
  }

  return {
    async begin() {
      const configuration = await issuerOf();
      const journey = {
        state: openid.randomState(),
        nonce: openid.randomNonce(),
        verifier: openid.randomPKCECodeVerifier(),
      };
      const url = openid.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUrl,
        scope: 'openid profile email',
        code_challenge: await openid.calculatePKCECodeChallenge(journey.verifier),
        code_challenge_method: 'S256',
        state: journey.state,
        nonce: journey.nonce,
      });
      return { url: url.href, journey };
    },
    async finish(search, { state, nonce, verifier }) {
      const configuration = await issuerOf();
      const tokens = await openid.authorizationCodeGrant(configuration, new URL(redirectUrl + search), {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      });
      const ofToken = claimsSchema.parse(tokens.claims());
      const hasMore = configuration.serverMetadata().userinfo_endpoint !== undefined;
      const more = hasMore
        ? await openid.fetchUserInfo(configuration, tokens.access_token, ofToken.sub)
        : undefined;
      const claims = claimsSchema.parse({ ...more, ...ofToken });
      return {
        identity: `${issuer} ${claims.sub}`,
        name: nameOf(claims),
        displayName: claims.name || nameOf(claims),
        role: roleClaim === undefined ? undefined : highestOf(claims[roleClaim]),
      };
    },
  };
}

function discover(
  { issuer, clientId, clientSecret }: OidcConfig,
  proxies: Proxies | undefined,
): Promise<openid.Configuration> {
  const dispatcher = proxies && createProxyAgent(proxies, { connectTimeoutMs: 5_000, tunnelsHttp: false });
  return openid.discovery(
    new URL(issuer),
    clientId,
    clientSecret,
    clientSecret === undefined ? openid.None() : undefined,
    {
      timeout: 10,
      // The settings let http through for this machine alone.
      execute: issuer.startsWith('http:') ? [openid.allowInsecureRequests] : [],
      ...(dispatcher && {
        [openid.customFetch]: (url, options) =>
          fetch(url, { ...options, dispatcher } as Parameters<
            typeof fetch
          >[1]) as unknown as Promise<Response>,
      }),
    },
  );
}

/** An address that nobody has checked could be anybody's. */
function nameOf({ sub, preferred_username, email, email_verified }: z.infer<typeof claimsSchema>): string {
  return preferred_username || (email_verified ? email : undefined) || sub;
}

/** @param claim a word, or a list of words */
function highestOf(claim: unknown): Role | undefined {
  const words: unknown[] = Array.isArray(claim)
    ? claim
    : typeof claim === 'string'
      ? claim.split(/[\s,]+/)
      : [];
  return roles.findLast((role) => words.includes(role));
}
