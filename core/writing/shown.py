"""What is shown before the teacher writes freely: statements, questions with answers, passages, openings."""

STATEMENTS = (
    "Vienna is a city on the Danube that is known for its music.",
    "Marie Curie was a physicist who was born in Warsaw and worked in Paris.",
    "The Sahara is a desert in Africa that is almost as large as China.",
    "Shakespeare was an English writer who is known for his plays.",
    "Toyota is a Japanese company that makes cars.",
    "The Amazon is a river in South America that flows into the Atlantic Ocean.",
    "Australia is a country whose capital is Canberra.",
    "Beethoven was a German composer who went deaf.",
    "Neil Armstrong was an astronaut who walked on the Moon in 1969.",
    "Istanbul is a city in Turkey that lies on two continents.",
)
# Names and common words in turns.
QUESTIONS = (
    ("Who painted the ceiling of the Sistine Chapel?", "Michelangelo"),
    ("What do bees make?", "Honey"),
    ("Which ocean lies between Europe and America?", "The Atlantic Ocean"),
    ("How many legs does a spider have?", "Eight"),
    ("In which country are the pyramids of Giza?", "Egypt"),
    ("What does a thermometer measure?", "Temperature"),
    ("Who discovered penicillin?", "Alexander Fleming"),
    ("What is frozen water called?", "Ice"),
    ("Which planet is closest to the Sun?", "Mercury"),
    ("What do you need to open a locked door?", "A key"),
    ("Who wrote War and Peace?", "Leo Tolstoy"),
    ("Which animal is known for its long neck?", "The giraffe"),
    ("In which city is the Kremlin?", "Moscow"),
    ("What do plants need to grow?", "Light and water"),
    ("Which company makes the iPhone?", "Apple"),
    ("What is the first month of the year?", "January"),
)
# A passage with a question that it answers.
READ = (
    (
        "Last autumn Clara moved from the coast to a small village in the hills. She opened a bakery there, "
        "and every morning her brother Tom brings the bread to the school.",
        "Who brings the bread to the school?",
        "Her brother Tom",
    ),
    (
        "The old bridge was closed in March, since two of its pillars had cracked. Until a new one is built, "
        "a ferry takes cars across the river every half hour.",
        "Why was the bridge closed?",
        "Two of its pillars had cracked",
    ),
    (
        "Otters live along the rivers of the north. They eat fish and crabs, sleep in holes between roots "
        "of old trees, and carry their young on their backs when the water is high.",
        "Where do otters sleep?",
        "In holes between roots of old trees",
    ),
    (
        "Mr. Lindqvist collects clocks. The oldest of them was made in Geneva, and the smallest, no larger "
        "than a coin, was a present from his daughter.",
        "Where was the oldest clock made?",
        "Geneva",
    ),
)
# {} stands for what it is about; what follows the empty line belongs to the text.
OPENINGS = (
    "A short story about {}:\n\nOnce upon a time",
    "A short story about {}:\n\nOne morning in spring",
    "An article about {}:\n\nMost people think that",
    "A letter to a friend about {}:\n\nI have to tell you that",
    "News about {}:\n\nOn Monday",
    "A talk between two friends about {}:\n\n“Do you remember",
    "Advice about {}:\n\nThe first thing to know is that",
    "A review of a book about {}:\n\nThis book",
    "A short history of {}:\n\nIt began when",
    "My memories of {}:\n\nWhen I was a child,",
    "{} explained to children:\n\nImagine that",
    "A speech about {}:\n\nLadies and gentlemen,",
)
_SUBJECTS = """
a lost dog; the sea in winter; an old clock; learning to swim; a village fair; trains; bread; a long journey;
two brothers; rain; a broken window; the first day at school; gardens; a strange letter; mountains; a market;
friendship; how bridges are built; a night without light; birds; a small shop; music; the moon; a quarrel;
cooking; a birthday; the history of writing; a storm; doctors; wild horses; a game of chess; growing old;
a new neighbour; machines; forests; money; a lighthouse; health; sleep; a river; paper; spiders; a lie;
winter; teachers; the harvest; numbers; a race; volcanoes; a gift
"""
SUBJECTS = tuple(subject.strip() for subject in _SUBJECTS.split(";"))
