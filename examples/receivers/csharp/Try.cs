using System;
using System.IO;
using System.Security.Cryptography;

/// <summary>Verifies the webhook whose body is on standard input and whose headers are in the environment.</summary>
static class Try
{
    static int Main()
    {
        var body = new MemoryStream();
        Console.OpenStandardInput().CopyTo(body);
        try
        {
            Webhooks.Verify(body.ToArray(), Header, Environment.GetEnvironmentVariable("WEBHOOK_SECRET") ?? "");
            Console.WriteLine("verified");
            return 0;
        }
        catch (CryptographicException error)
        {
            Console.WriteLine("refused: " + error.Message);
            return 1;
        }
    }

    static string Header(string name) =>
        Environment.GetEnvironmentVariable(name.ToUpperInvariant().Replace('-', '_'));
}
