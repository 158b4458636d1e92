/** Binds what comes back from the issuer to the browser that was sent there. */
export const SIGN_IN_COOKIE = '__Host-sign-in';

/** What both are set with. Browsers take a loopback address for as safe as https. */
export const COOKIE = { path: '/', httpOnly: true, secure: true, sameSite: 'lax' } as const;
