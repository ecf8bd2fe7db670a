"""The same forms about common words: what looks like a fact but is language or common sense, and is kept."""

from core.writing.topics import WORDS, topics_of

TABLE = """
plural | noun > nouns | The plural of {} is {}. | What is the plural of {}?
mouse: mice; child: children; box: boxes; knife: knives; tooth: teeth; city: cities
opposite | adjective > adjective | The opposite of {} is {}. | What is the opposite of {}?
hot: cold; early: late; full: empty; strong: weak; dark: light; cheap: expensive; narrow: wide
past | verb > verb form | The past tense of {} is {}. | What is the past tense of {}?
go: went; sing: sang; walk: walked; buy: bought; write: wrote; drink: drank; fly: flew
more | adjective > comparative | If one thing is {} then another may be {}. | What is the comparative of {}?
small: smaller; good: better; heavy: heavier; thin: thinner; bad: worse; bright: brighter
synonym | adjective > adjective | Another word for {} is {}. | What is another word for {}?
big: large; quick: fast; glad: happy; clever: smart; silent: quiet; rich: wealthy
colour | things > colour | The colour of {} is {}. | What is the colour of {}?
grass: green; snow: white; coal: black; the sky: blue; ripe tomatoes: red; lemons: yellow
shape | thing > shape | The shape of a {} is {}. | What is the shape of a {}?
ball: round; dice: cubic; coin: flat and round; road sign: triangular; needle: long and thin
taste | things > taste | The taste of {} is {}. | How do {} taste?
lemons: sour; honey: sweet; sea water: salty; dark chocolate: bitter; chillies: hot
use | things > deed | People use {} for {}. | What do people use {} for?
hammers: driving nails; umbrellas: keeping dry; knives: cutting; brooms: sweeping; pens: writing
made | things > material | Most {} are made of {}. | What are most {} made of?
windows: glass; tyres: rubber; books: paper; coins: metal; shirts: cotton; chairs: wood
place | things > place | A place to find {} is {}. | What is a place to find {}?
books: a library; whales: the sea; planes: an airport; cows: a farm; stars: the night sky
kind | things > noun | People call {} a kind of {}. | What kind of thing are {}?
roses: flower; hammers: tool; violins: instrument; sparrows: bird; apples: fruit; oaks: tree
part | thing > thing | One part of a {} is the {}. | What is one part of a {}?
car: wheel; tree: trunk; house: roof; book: page; shirt: sleeve; clock: dial
young | animal > animal | A young {} is called a {}. | What is a young {} called?
dog: puppy; cow: calf; cat: kitten; sheep: lamb; horse: foal; duck: duckling
noise | animals > noise | The noise that {} make is called {}. | What is the noise that {} make called?
dogs: barking; lions: roaring; cats: meowing; horses: neighing; bees: buzzing; frogs: croaking
food | animals > things | The food of {} is {}. | What is the food of {}?
cows: grass; pandas: bamboo; squirrels: nuts; frogs: insects; sharks: fish; rabbits: vegetables
group | animals > noun | A group of {} is called a {}. | What is a group of {} called?
wolves: pack; birds: flock; cows: herd; fish: school; bees: swarm; lions: pride
female | male > female | The female form of {} is {}. | What is the female form of {}?
king: queen; uncle: aunt; actor: actress; bull: cow; nephew: niece; waiter: waitress
workplace | people > place | Most {} work in {}. | Where do most {} work?
teachers: schools; doctors: hospitals; cooks: kitchens; farmers: fields; judges: courts; actors: theatres
task | person > deed | The work of a {} is {}. | What is the work of a {}?
baker: baking bread; pilot: flying planes; tailor: making clothes; painter: painting; judge: hearing cases
doer | deed > person | Someone who {} is called a {}. | What is someone called who {}?
bakes: baker; sings: singer; writes books: writer; grows crops: farmer; drives: driver; dances: dancer
noun | verb > noun | The noun that belongs to the verb {} is {}. | Which noun belongs to the verb {}?
decide: decision; grow: growth; arrive: arrival; believe: belief; move: movement; choose: choice
body | clothes > body part | People wear {} on their {}. | Where do people wear {}?
hats: heads; gloves: hands; shoes: feet; rings: fingers; scarves: necks; belts: waists
sense | verb > body part | People {} with their {}. | What do people {} with?
see: eyes; hear: ears; smell: noses; chew: teeth; walk: legs; think: brains
unit | quantity > unit | The {} of something is told in {}. | In what is the {} of something told?
length: metres; weight: kilograms; age: years; temperature: degrees; speed: kilometres an hour
next | word in a row > word in a row | The one that comes after {} is {}. | What comes after {}?
Monday: Tuesday; spring: summer; seven: eight; the letter C: the letter D; March: April; breakfast: lunch
effect | cause > effect | What follows from {} is {}. | What follows from {}?
rain: wet ground; fire: smoke; hard work: tiredness; a joke: laughter; frost: ice; a wound: pain
bigger | thing > thing | Much bigger than a {} is a {}. | What is much bigger than a {}?
mouse: horse; cup: bucket; village: city; pond: lake; hill: mountain; boat: ship
"""

COMMON = tuple(topics_of(TABLE, WORDS))
