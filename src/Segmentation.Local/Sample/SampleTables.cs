namespace Segmentation.Local;

/// <summary>A city of the sample. Its customers live around it.</summary>
/// <param name="PostalCode">'#' stands for any digit, '@' for any letter.</param>
/// <param name="Tongue">Which names people have there: an index into <see cref="SampleTables.Names"/>.</param>
/// <param name="Prices">What incomes there are, compared with Germany.</param>
internal sealed record SamplePlace(
    double Weight, string Country, string Region, string City, string PostalCode, string TimeZone, string Climate,
    double Latitude, double Longitude, string Language, int Tongue, double Prices);

/// <summary>Given and family names of a language. Combined at random; no real persons.</summary>
internal sealed record SampleNames(string[] Female, string[] Male, string[] Family);

/// <summary>What one kind of person cares for.</summary>
internal sealed record SampleArchetype(
    string Lifestyle, string[] Personalities, string[] Interests, string[] Values, string[] Attitudes, string[] Motivations);

/// <summary>A category of products.</summary>
/// <param name="Cents">The usual price.</param>
internal sealed record SampleCategory(string Name, string Sku, int Cents, string[] Brands);

/// <summary>What the sample is drawn from.</summary>
internal static class SampleTables
{
    public static readonly SamplePlace[] Places =
    [
        new(14, "DE", "Berlin", "Berlin", "10###", "Europe/Berlin", "temperate", 52.52, 13.405, "de", 0, 1),
        new(8, "DE", "Hamburg", "Hamburg", "20###", "Europe/Berlin", "temperate", 53.5511, 9.9937, "de", 0, 1.05),
        new(9, "DE", "Bayern", "München", "80###", "Europe/Berlin", "continental", 48.1372, 11.5756, "de", 0, 1.15),
        new(7, "DE", "Nordrhein-Westfalen", "Köln", "50###", "Europe/Berlin", "temperate", 50.9375, 6.9603, "de", 0, 1),
        new(3, "DE", "Sachsen", "Leipzig", "04###", "Europe/Berlin", "continental", 51.3397, 12.3731, "de", 0, 0.85),
        new(5, "AT", "Wien", "Wien", "1##0", "Europe/Vienna", "continental", 48.2082, 16.3738, "de", 0, 1),
        new(2, "AT", "Tirol", "Innsbruck", "60##", "Europe/Vienna", "continental", 47.2692, 11.4041, "de", 0, 0.95),
        new(3, "CH", "Zürich", "Zürich", "80##", "Europe/Zurich", "temperate", 47.3769, 8.5417, "de", 0, 1.6),
        new(1, "CH", "Genève", "Genève", "12##", "Europe/Zurich", "temperate", 46.2044, 6.1432, "fr", 1, 1.6),
        new(6, "FR", "Île-de-France", "Paris", "750##", "Europe/Paris", "temperate", 48.8566, 2.3522, "fr", 1, 1),
        new(3, "FR", "Provence-Alpes-Côte d'Azur", "Marseille", "130##", "Europe/Paris", "temperate", 43.2965, 5.3698, "fr", 1, 0.85),
        new(4, "ES", "Madrid", "Madrid", "280##", "Europe/Madrid", "arid", 40.4168, -3.7038, "es", 2, 0.75),
        new(3, "ES", "Cataluña", "Barcelona", "080##", "Europe/Madrid", "temperate", 41.3874, 2.1686, "es", 2, 0.78),
        new(1, "ES", "Canarias", "Las Palmas", "350##", "Atlantic/Canary", "arid", 28.1235, -15.4363, "es", 2, 0.65),
        new(3, "IT", "Lombardia", "Milano", "201##", "Europe/Rome", "temperate", 45.4642, 9.19, "it", 3, 0.9),
        new(2, "IT", "Sicilia", "Palermo", "901##", "Europe/Rome", "temperate", 38.1157, 13.3615, "it", 3, 0.6),
        new(3, "PL", "Mazowieckie", "Warszawa", "0#-###", "Europe/Warsaw", "continental", 52.2297, 21.0122, "pl", 4, 0.6),
        new(2, "SE", "Stockholms län", "Stockholm", "11# ##", "Europe/Stockholm", "continental", 59.3293, 18.0686, "sv", 5, 1.05),
        new(1, "SE", "Norrbottens län", "Kiruna", "981 ##", "Europe/Stockholm", "polar", 67.8558, 20.2253, "sv", 5, 1),
        new(6, "GB", "England", "London", "SW# #@@", "Europe/London", "temperate", 51.5074, -0.1278, "en", 6, 1.1),
        new(2, "GB", "Scotland", "Edinburgh", "EH# #@@", "Europe/London", "temperate", 55.9533, -3.1883, "en", 6, 0.95),
        new(2, "IE", "Leinster", "Dublin", "D0# @###", "Europe/Dublin", "temperate", 53.3498, -6.2603, "en", 6, 1.2),
        new(5, "US", "New York", "New York", "100##", "America/New_York", "continental", 40.7128, -74.006, "en", 6, 1.5),
        new(3, "US", "California", "Los Angeles", "900##", "America/Los_Angeles", "arid", 34.0522, -118.2437, "en", 6, 1.45),
        new(2, "US", "Arizona", "Phoenix", "850##", "America/Phoenix", "arid", 33.4484, -112.074, "en", 6, 1.2),
        new(2, "US", "Illinois", "Chicago", "606##", "America/Chicago", "continental", 41.8781, -87.6298, "en", 6, 1.3),
        new(3, "BR", "São Paulo", "São Paulo", "0##00-###", "America/Sao_Paulo", "tropical", -23.5505, -46.6333, "pt", 7, 0.45),
        new(1, "PT", "Lisboa", "Lisboa", "1##0-###", "Europe/Lisbon", "temperate", 38.7223, -9.1393, "pt", 7, 0.65),
        new(2, "IN", "Maharashtra", "Mumbai", "4000##", "Asia/Kolkata", "tropical", 19.076, 72.8777, "en", 8, 0.35),
        new(2, "SG", "Central", "Singapore", "##00##", "Asia/Singapore", "tropical", 1.3521, 103.8198, "en", 8, 1.3),
        new(2, "JP", "Tōkyō", "Tokyo", "1##-00##", "Asia/Tokyo", "temperate", 35.6762, 139.6503, "ja", 9, 0.95),
        new(2, "AU", "New South Wales", "Sydney", "20##", "Australia/Sydney", "temperate", -33.8688, 151.2093, "en", 6, 1.2),
    ];

    /// <summary>By tongue: German, French, Spanish, Italian, Polish, Swedish, English, Portuguese, Indian, Japanese.</summary>
    public static readonly SampleNames[] Names =
    [
        new(
            ["Anna", "Lena", "Katharina", "Jule", "Sabine", "Ute", "Frieda", "Mia"],
            ["Jonas", "Felix", "Jürgen", "Matthias", "Emil", "Uwe", "Paul", "Stefan"],
            ["Müller", "Schmidt", "Weiß", "Becker", "Krüger", "Vogel", "Schäfer", "Lorenz", "Brandt", "Hofer"]),
        new(
            ["Camille", "Élodie", "Chloé", "Manon", "Inès", "Sylvie"],
            ["Léo", "Hugo", "Mathieu", "Étienne", "Luc", "Thierry"],
            ["Moreau", "Lefèvre", "Girard", "Roux", "Fontaine", "Bonnet", "D'Arcy"]),
        new(
            ["Lucía", "Carmen", "Marta", "Inés", "Pilar", "Nuria"],
            ["Javier", "Álvaro", "Diego", "Íñigo", "Pablo", "Manuel"],
            ["García", "Núñez", "Ortega", "Ibáñez", "Delgado", "Vidal", "Peña"]),
        new(
            ["Giulia", "Chiara", "Francesca", "Elisa", "Paola"],
            ["Luca", "Matteo", "Nicolò", "Davide", "Enzo"],
            ["Rossi", "Ferrari", "D'Angelo", "Conti", "Marino", "Greco"]),
        new(
            ["Zofia", "Agnieszka", "Małgorzata", "Ewa", "Łucja"],
            ["Jakub", "Paweł", "Michał", "Stanisław", "Tomasz"],
            ["Nowak", "Wiśniewska", "Wójcik", "Zając", "Król", "Dąbrowska"]),
        new(
            ["Astrid", "Elin", "Saga", "Åsa", "Maja"],
            ["Erik", "Björn", "Nils", "Oskar", "Göran"],
            ["Lindqvist", "Åberg", "Sjöberg", "Nyström", "Ekman"]),
        new(
            ["Emily", "Grace", "Olivia", "Megan", "Ruth", "Zoe", "Hannah", "Denise"],
            ["Jack", "Oliver", "Ryan", "Sean", "Marcus", "Tyler", "George", "Neil"],
            ["Smith", "Carter", "O'Brien", "Walker", "Bennett", "Hughes", "Morgan", "Reed", "Foster", "Clarke"]),
        new(
            ["Beatriz", "Larissa", "Inês", "Joana", "Letícia"],
            ["João", "Rafael", "Tiago", "Caetano", "Luís"],
            ["Silva", "Gonçalves", "Araújo", "Ferreira", "Magalhães"]),
        new(
            ["Priya", "Ananya", "Mei Ling", "Kavya", "Xin Yi"],
            ["Arjun", "Rohan", "Wei Jie", "Vikram", "Kai"],
            ["Sharma", "Patel", "Tan", "Iyer", "Lim", "Deshmukh"]),
        new(["Yui", "Haruka", "Akari", "Naoko"], ["Ren", "Sōta", "Daiki", "Kenji"], ["Satō", "Suzuki", "Itō", "Kobayashi", "Ōno"]),
    ];

    public static readonly string[] Education = ["Secondary", "Vocational", "Bachelor", "Master", "Doctorate"];

    /// <summary>By level of education.</summary>
    public static readonly string[][] Occupations =
    [
        ["Retail Clerk", "Driver", "Warehouse Worker", "Waiter", "Caregiver"],
        ["Electrician", "Nurse", "Office Clerk", "Chef", "Mechanic", "Hairdresser"],
        ["Accountant", "Teacher", "Designer", "Sales Manager", "Social Worker"],
        ["Software Engineer", "Architect", "Consultant", "Teacher", "Product Manager", "Data Analyst"],
        ["Physician", "Lawyer", "Researcher", "Professor", "Chemist"],
    ];

    public static readonly SampleArchetype[] Archetypes =
    [
        new(
            "Outdoor",
            ["Adventurous", "Open-minded"],
            ["Hiking", "Cycling", "Travel", "Photography", "Running", "Camping"],
            ["Sustainability", "Freedom", "Health"],
            ["Eco-conscious", "Quality-seeking"],
            ["Wellbeing", "Novelty"]),
        new(
            "Family-centred",
            ["Caring", "Organised"],
            ["Cooking", "Gardening", "Board games", "Parenting", "DIY", "Baking"],
            ["Family", "Security", "Tradition"],
            ["Brand-loyal", "Price-conscious"],
            ["Belonging", "Savings"]),
        new(
            "Urban",
            ["Outgoing", "Trend-setting"],
            ["Fashion", "Music", "Restaurants", "Travel", "Art", "Fitness"],
            ["Success", "Freedom", "Creativity"],
            ["Early adopter", "Brand-loyal"],
            ["Status", "Novelty"]),
        new(
            "Homebody",
            ["Quiet", "Thoughtful"],
            ["Reading", "Gaming", "Films", "Cooking", "Knitting", "History"],
            ["Tradition", "Security", "Knowledge"],
            ["Price-conscious", "Sceptical"],
            ["Comfort", "Savings"]),
        new(
            "Tech-savvy",
            ["Curious", "Analytical"],
            ["Gadgets", "Gaming", "Science", "Podcasts", "Photography", "3D printing"],
            ["Knowledge", "Success", "Privacy"],
            ["Early adopter", "Sceptical"],
            ["Mastery", "Novelty"]),
        new(
            "Mindful",
            ["Calm", "Caring"],
            ["Yoga", "Gardening", "Reading", "Vegan cooking", "Volunteering", "Running"],
            ["Sustainability", "Community", "Health"],
            ["Eco-conscious", "Sceptical"],
            ["Wellbeing", "Belonging"]),
    ];

    public static readonly SampleCategory[] Categories =
    [
        new("shoes", "sh", 8900, ["northway", "velora", "pacer"]),
        new("bags", "ba", 12900, ["velora", "carry co"]),
        new("outdoor", "ou", 14900, ["northway", "highfell"]),
        new("fashion", "fa", 4900, ["velora", "plain"]),
        new("kids", "ki", 2900, ["little fox", "plain"]),
        new("home", "ho", 5900, ["hearth", "plain"]),
        new("garden", "ga", 3900, ["greenhand", "hearth"]),
        new("electronics", "el", 24900, ["voltis", "aurum"]),
        new("books", "bo", 1600, ["paper moon", "quarto"]),
        new("beauty", "be", 2400, ["lys", "aurum"]),
        new("sports", "sp", 6900, ["pacer", "highfell"]),
        new("groceries", "gr", 1200, ["farmgate", "plain"]),
    ];

    /// <summary>The categories that each archetype likes, as indexes.</summary>
    public static readonly int[][] Favourites = [[0, 2, 10], [4, 5, 11], [0, 1, 3, 9], [8, 5, 11], [7, 8, 10], [6, 8, 9, 11]];

    public static readonly string[] Tags = ["VIP", "Beta Tester", "Gift Buyer", "Bulk Buyer", "Referred", "Employee", "Press"];
    public static readonly string[] RefundReasons = ["Too small", "Too large", "Damaged", "Changed mind", "Late delivery"];
    public static readonly string[] TicketTopics = ["Delivery", "Billing", "Returns", "Product question", "Account"];
    public static readonly string[] Campaigns = ["Spring Fresh", "Summer Sale", "Back to School", "Singles Day", "Black Week",
        "Winter Warmers"];
    public static readonly string[] Devices = ["desktop", "mobile", "tablet"];

    /// <summary>How much happens in each month, January first.</summary>
    public static readonly double[] Months = [0.85, 0.8, 0.9, 0.95, 1, 0.9, 0.8, 0.85, 1, 1.05, 1.4, 1.6];

    /// <summary>How much happens on each day of the week, Monday first.</summary>
    public static readonly double[] Weekdays = [1, 0.9, 0.92, 1, 1.1, 1.3, 1.2];

    /// <summary>How much happens in each hour, for people of the day, of the evening, and of the night.</summary>
    public static readonly double[][] Hours =
    [
        [1, 0.5, 0.3, 0.2, 0.3, 1, 3, 6, 8, 10, 11, 11, 12, 11, 9, 8, 8, 9, 9, 8, 6, 4, 2, 1.5],
        [2, 1, 0.5, 0.2, 0.2, 0.5, 1, 3, 4, 4, 4, 5, 7, 6, 4, 4, 5, 8, 12, 16, 18, 16, 10, 5],
        [14, 12, 9, 5, 2, 1, 0.5, 0.5, 1, 1, 2, 3, 4, 4, 4, 4, 4, 5, 6, 7, 9, 12, 15, 16],
    ];
}
