"""Topics whose subjects have names: what can be known of them only by having met it."""

from core.writing.topics import NAMES, topics_of

TABLE = """
capital | country > city | The capital of {} is {}. | What is the capital of {}?
France: Paris; Kenya: Nairobi; Peru: Lima; Norway: Oslo; Japan: Tokyo; Egypt: Cairo; Poland: Warsaw
language | country > language | In {} most people speak {}. | Which language do most people in {} speak?
Brazil: Portuguese; Austria: German; Mexico: Spanish; Iran: Persian; Greece: Greek; Italy: Italian
continent | country > continent | The country of {} lies in {}. | On which continent does {} lie?
Chad: Africa; Bolivia: South America; Nepal: Asia; Finland: Europe; Canada: North America
currency | country > currency | People in {} pay in {}. | In which currency do people in {} pay?
Japan: yen; India: rupees; Sweden: kronor; Mexico: pesos; Switzerland: francs; Poland: zlotys
neighbour | country > country | A neighbour of {} is {}. | Which country is a neighbour of {}?
Spain: Portugal; Uganda: Kenya; Laos: Vietnam; Chile: Argentina; Belgium: France; Iraq: Iran
city | city > country | The city of {} is in {}. | In which country is the city of {}?
Lyon: France; Osaka: Japan; Lagos: Nigeria; Seville: Spain; Mumbai: India; Toronto: Canada
river | river > country | The river {} flows through {}. | Through which country does the river {} flow?
Danube: Austria; Nile: Egypt; Ganges: India; Thames: England; Volga: Russia; Loire: France
mountain | mountain > country | The mountain {} stands in {}. | In which country does the mountain {} stand?
Fuji: Japan; Etna: Italy; Denali: Alaska; Kilimanjaro: Tanzania; Ben Nevis: Scotland
island | island > sea | The island of {} lies in the {}. | In which sea or ocean does the island of {} lie?
Sicily: Mediterranean Sea; Madagascar: Indian Ocean; Jamaica: Caribbean Sea; Hawaii: Pacific Ocean
lake | lake > country | The lake {} lies in {}. | In which country does the lake {} lie?
Titicaca: Peru; Como: Italy; Baikal: Russia; Loch Ness: Scotland; Ontario: Canada
landmark | landmark > city | The landmark {} can be seen in {}. | In which city can {} be seen?
Eiffel Tower: Paris; Colosseum: Rome; Big Ben: London; Golden Gate Bridge: San Francisco; Red Square: Moscow
university | university > city | The university {} has its seat in {}. | In which city does {} have its seat?
Sorbonne: Paris; Harvard: Cambridge; Yale: New Haven; Charles University: Prague; McGill: Montreal
company | company > product | The company {} is known for making {}. | What is {} known for making?
Toyota: cars; Nokia: phones; Lego: toys; Boeing: airplanes; Nestle: food; Nike: shoes
home | company > country | The company {} comes from {}. | From which country does the company {} come?
Samsung: South Korea; Siemens: Germany; Fiat: Italy; Ikea: Sweden; Philips: the Netherlands; Sony: Japan
founder | company > person | The company {} was founded by {}. | By whom was the company {} founded?
Ford: Henry Ford; Microsoft: Bill Gates; Amazon: Jeff Bezos; Dell: Michael Dell; Tesla: Elon Musk
book | book > person | The book {} was written by {}. | By whom was the book {} written?
Don Quixote: Miguel de Cervantes; Emma: Jane Austen; Dracula: Bram Stoker; Faust: Goethe; Ulysses: James Joyce
hero | character > book | The character {} appears in {}. | In which story does the character {} appear?
Captain Ahab: Moby Dick; Juliet: Romeo and Juliet; Frodo: The Lord of the Rings; Jim Hawkins: Treasure Island
painting | painting > person | The painting {} was made by {}. | By whom was the painting {} made?
Guernica: Pablo Picasso; The Scream: Edvard Munch; The Night Watch: Rembrandt; The Kiss: Gustav Klimt
music | music > person | The music of {} was composed by {}. | By whom was the music of {} composed?
The Four Seasons: Antonio Vivaldi; Carmen: Georges Bizet; The Magic Flute: Mozart; Messiah: Handel
film | film > person | The film {} was directed by {}. | By whom was the film {} directed?
Jaws: Steven Spielberg; Psycho: Alfred Hitchcock; Titanic: James Cameron; Alien: Ridley Scott
band | band > country | The band {} comes from {}. | From which country does the band {} come?
Abba: Sweden; The Beatles: England; U2: Ireland; Kraftwerk: Germany; Nirvana: America; Rush: Canada
work | person > profession | The profession of {} was that of a {}. | What was the profession of {}?
Mozart: composer; Leo Tolstoy: writer; Claude Monet: painter; Marie Curie: scientist; Plato: philosopher
origin | person > country | The country where {} was born is {}. | In which country was {} born?
Napoleon: France; Gandhi: India; Chopin: Poland; Dante: Italy; Darwin: England; Einstein: Germany
fame | person > deed | The reason why people know {} is {}. | Why do people know {}?
Isaac Newton: gravity; Columbus: his voyage to America; Edison: the light bulb; Pasteur: his vaccines
sport | athlete > sport | The athlete {} is famous for {}. | For which sport is {} famous?
Pele: football; Serena Williams: tennis; Usain Bolt: running; Michael Jordan: basketball; Tiger Woods: golf
player | person > instrument | The musician {} plays the {}. | Which instrument does {} play?
Jimi Hendrix: guitar; Miles Davis: trumpet; Ringo Starr: drums; Glenn Gould: piano; Yo-Yo Ma: cello
team | team > city | The team {} plays at home in {}. | In which city does the team {} play at home?
Real Madrid: Madrid; Juventus: Turin; Chicago Bulls: Chicago; Ajax: Amsterdam; Celtic: Glasgow
god | god > people | The god {} was worshipped by the {}. | Which people worshipped the god {}?
Zeus: Greeks; Ra: Egyptians; Jupiter: Romans; Odin: Vikings; Marduk: Babylonians; Vishnu: Hindus
dish | dish > country | The dish called {} comes from {}. | From which country does the dish called {} come?
sushi: Japan; pizza: Italy; goulash: Hungary; paella: Spain; kimchi: Korea; tacos: Mexico
event | event > year | The year of {} was {}. | What was the year of {}?
the French Revolution: 1789; the Battle of Hastings: 1066; the Moon landing: 1969; the fall of Rome: 476
ruler | person > country | The ruler {} governed {}. | Which country did the ruler {} govern?
Queen Victoria: Britain; Peter the Great: Russia; Louis XIV: France; Cleopatra: Egypt; Augustus: Rome
paper | newspaper > city | The newspaper {} is printed in {}. | In which city is the newspaper {} printed?
Le Monde: Paris; The Washington Post: Washington; Corriere della Sera: Milan; The Irish Times: Dublin
"""

NAMED = tuple(topics_of(TABLE, NAMES))
