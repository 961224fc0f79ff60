import java.io.FileInputStream;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** Logs in with a keystore, trusts a truststore, checks the host name, and prints the first byte that comes. */
public class TlsClient {
    public static void main(String[] args) throws Exception {
        char[] secret = System.getenv("STOREPASS").toCharArray();
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(load(args[2], secret), secret);
        TrustManagerFactory trusted = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trusted.init(load(args[3], secret));
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trusted.getTrustManagers(), null);
        int port = Integer.parseInt(args[1]);
        try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(args[0], port)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            System.out.println("heard " + (char) socket.getInputStream().read());
        }
    }

    private static KeyStore load(String path, char[] secret) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (FileInputStream stream = new FileInputStream(path)) {
            store.load(stream, secret);
        }
        return store;
    }
}
