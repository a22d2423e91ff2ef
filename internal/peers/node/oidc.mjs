// An OpenID provider. Each server understands
//
//   strong  true for clients that prove themselves by key or certificate alone,
//           with tokens bound to that
//
// Its issuer is the host that it is asked for, by https.
import Provider from 'oidc-provider';
import { serve } from './serve.mjs';

const features = (strong) => ({
  clientCredentials: { enabled: true },
  dPoP: { enabled: strong },
  mTLS: { enabled: strong, tlsClientAuth: strong, certificateBoundAccessTokens: strong, getCertificate: () => undefined },
  devInteractions: { enabled: false },
});

serve(({ strong = false }) => {
  const providers = new Map();
  return (request, response) => {
    const issuer = `https://${request.headers.host}`;
    if (!providers.has(issuer)) {
      const provider = new Provider(issuer, {
        clientAuthMethods: strong ? ['private_key_jwt', 'tls_client_auth'] : ['client_secret_basic', 'client_secret_post', 'none'],
        responseTypes: strong ? ['code'] : ['code', 'code id_token', 'id_token'],
        features: features(strong),
      });
      provider.proxy = true; // TLS ends before it
      providers.set(issuer, provider.callback());
    }
    request.headers['x-forwarded-proto'] = 'https';
    providers.get(issuer)(request, response);
  };
});
