using System;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

static class Webhooks
{
    const long Tolerance = 5 * 60;

    /// <summary>
    /// Throws when the webhook is not signed with the secret, or was sent more than five minutes ago.
    /// </summary>
    /// <param name="body">The request's body as it came, before any parsing.</param>
    /// <param name="header">Gives the value of a header, or null: name => request.Headers[name]</param>
    public static void Verify(byte[] body, Func<string, string> header, string secret)
    {
        string id = header("webhook-id"), timestamp = header("webhook-timestamp");
        if (string.IsNullOrEmpty(id) || !long.TryParse(timestamp, out long seconds))
            throw new CryptographicException("webhook-id or webhook-timestamp is missing or malformed");
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        if (seconds < now - Tolerance || seconds > now + Tolerance)
            throw new CryptographicException("the webhook is too old or too new");

        byte[] key = Convert.FromBase64String(secret.StartsWith("whsec_") ? secret.Substring(6) : secret);
        if (key.Length == 0)
            throw new CryptographicException("the secret is empty");
        byte[] signed = Encoding.UTF8.GetBytes($"{id}.{timestamp}.").Concat(body).ToArray();
        byte[] expected;
        using (var hmac = new HMACSHA256(key))
            expected = Encoding.UTF8.GetBytes("v1," + Convert.ToBase64String(hmac.ComputeHash(signed)));
        foreach (string signature in (header("webhook-signature") ?? "").Split(' '))
            // Takes the same time wherever the two differ.
            if (CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(signature), expected))
                return;
        throw new CryptographicException("no signature matches");
    }
}
