import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SignatureException;
import java.time.Instant;
import java.util.Base64;
import java.util.function.UnaryOperator;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

final class Verify {
    private static final long TOLERANCE = 5 * 60;

    /**
     * Throws when the webhook is not signed with the secret, or was sent more than five minutes ago.
     *
     * @param body the request's body as it came, before any parsing
     * @param header gives the value of a header, or null: request::getHeader
     */
    static void verify(byte[] body, UnaryOperator<String> header, String secret)
            throws GeneralSecurityException {
        String id = header.apply("webhook-id");
        String timestamp = header.apply("webhook-timestamp");
        String signatures = header.apply("webhook-signature");
        if (id == null || timestamp == null || signatures == null) {
            throw new SignatureException("a header is missing");
        }
        byte[] expected;
        try {
            long age = Instant.now().getEpochSecond() - Long.parseLong(timestamp);
            if (Math.abs(age) > TOLERANCE) {
                throw new SignatureException("the webhook is too old or too new");
            }
            byte[] key = Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""));
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            mac.update((id + "." + timestamp + ".").getBytes(UTF_8));
            String encoded = Base64.getEncoder().encodeToString(mac.doFinal(body));
            expected = ("v1," + encoded).getBytes(UTF_8);
        } catch (IllegalArgumentException error) {
            throw new SignatureException("webhook-timestamp or the secret is malformed", error);
        }
        for (String signature : signatures.split(" ")) {
            // Takes the same time wherever the two differ.
            if (MessageDigest.isEqual(signature.getBytes(UTF_8), expected)) {
                return;
            }
        }
        throw new SignatureException("no signature matches");
    }
}
