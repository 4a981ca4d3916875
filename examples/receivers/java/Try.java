import java.io.IOException;
import java.security.GeneralSecurityException;

/** Verifies the webhook whose body is on standard input and whose headers are in the environment. */
final class Try {
    public static void main(String[] arguments) throws IOException {
        byte[] body = System.in.readAllBytes();
        String secret = System.getenv().getOrDefault("WEBHOOK_SECRET", "");
        try {
            Verify.verify(body, Try::header, secret);
            System.out.println("verified");
        } catch (GeneralSecurityException error) {
            System.out.println("refused: " + error.getMessage());
            System.exit(1);
        }
    }

    private static String header(String name) {
        return System.getenv(name.toUpperCase().replace('-', '_'));
    }
}
