// Receivers of webhooks, each on the library that the scheme's owner gives
// out. Each server understands
//
//   scheme  "standard-webhooks", "stripe" or "github"
//   secret  that events are signed with
//   check   "all": what the library checks
//           "signature": all but the age of the event
//           "once": all, and an event that was seen before is refused
//           "nothing": whatever comes is taken
//
// and takes events by POST to any path: 204, or 400 where it does not.
import { verify as verifyGitHub } from '@octokit/webhooks-methods';
import express from 'express';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { serve } from './serve.mjs';

// The libraries' own words for "any age": Stripe's takes zero for it, that of
// Standard Webhooks has none, so that its users sign again and compare.
const verifiers = {
  'standard-webhooks': (request, secret, check) => {
    const webhook = new Webhook(secret);
    if (check !== 'signature') return webhook.verify(request.body, request.headers);
    const sentAt = new Date(Number(request.get('webhook-timestamp')) * 1000);
    const expected = webhook.sign(request.get('webhook-id'), sentAt, request.body);
    if (!request.get('webhook-signature')?.split(' ').includes(expected)) throw new Error('the signature is wrong');
  },
  stripe: (request, secret, check) => {
    const tolerance = check === 'signature' ? 0 : undefined;
    return Stripe.webhooks.constructEvent(request.body, request.get('stripe-signature'), secret, tolerance);
  },
  github: async (request, secret) => {
    const genuine = await verifyGitHub(secret, request.body, request.get('x-hub-signature-256'));
    if (!genuine) throw new Error('the signature is wrong');
  },
};

const idOf = {
  'standard-webhooks': (request) => request.get('webhook-id'),
  stripe: (request) => JSON.parse(request.body).id,
  github: (request) => request.get('x-github-delivery'),
};

serve(({ scheme, secret, check }) => {
  const app = express();
  const seen = new Set();
  app.set('env', 'production');
  app.post('/{*path}', express.text({ type: () => true }), async (request, response) => {
    if (check === 'nothing') {
      response.sendStatus(204);
      return;
    }
    try {
      await verifiers[scheme](request, secret, check);
      const id = idOf[scheme](request);
      if (check === 'once' && seen.has(id)) throw new Error('it was seen before');
      seen.add(id);
    } catch {
      response.status(400).json({ error: 'the event is not taken' });
      return;
    }
    response.sendStatus(204);
  });
  return app;
});
