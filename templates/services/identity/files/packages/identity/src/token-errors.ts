import { errors } from 'jose';

/** What is wrong with a token, and not with asking for the keys. */
const OF_THE_TOKEN = [
  errors.JWTInvalid,
  errors.JWTExpired,
  errors.JWTClaimValidationFailed,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
];

/** Whether `jose` refuses a token, and has not failed to learn the keys. */
export function isOfTheToken(error: unknown): boolean {
  return OF_THE_TOKEN.some((kind) => error instanceof kind);
}
